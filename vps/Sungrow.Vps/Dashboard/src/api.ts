import type { Completeness, Devices, Energy, FleetSites, History, Loads, Sample, Session } from './wire';

/** The server said no, or nothing. */
export class Refused extends Error {
  /** @param status 0: there was no answer at all. */
  constructor(readonly status: number, readonly code: string) {
    super(`${status} ${code}`);
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  /** For the person in front of it. */
  get sentence(): string {
    if (this.status === 0) {
      return navigator.onLine ? 'The server does not answer.' : 'You are offline.';
    }

    switch (this.code) {
      case 'DEVICE_NOT_VISIBLE': return 'Your token does not show this device.';
      case 'FLEET_NOT_VISIBLE': return 'Your token does not show the fleet any more.';
      case 'DATABASE_UNAVAILABLE': return 'The server’s database is away. Nothing is lost: the edge keeps its samples until it is back.';
      case 'RATE_LIMITED': return 'The server was asked too often and wants a pause.';
      case 'RANGE_TOO_LARGE': return 'That is more than one answer may hold. Choose a shorter range.';
      default: return `The server answered with an error (${this.status}, ${this.code}).`;
    }
  }
}

// An answer that has not come by then does not come: a line that is dead without saying so looks like this.
const patience = 20_000;

export interface Range {
  readonly from: Date;
  readonly to: Date;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (failure) {
    if (init.signal?.aborted) {
      throw failure;
    }

    throw new Refused(0, 'UNREACHABLE');
  }

  if (!answer.ok) {
    const problem = (await answer.json().catch(() => ({}))) as { code?: unknown };
    throw new Refused(answer.status, typeof problem.code === 'string' ? problem.code : 'UNKNOWN');
  }

  return answer;
}

async function get<T>(path: string, stop?: AbortSignal): Promise<T> {
  const late = new AbortController();
  const end = (): void => late.abort();
  const timer = setTimeout(end, patience);
  stop?.addEventListener('abort', end);
  try {
    return (await (await ask(path, { headers: { Accept: 'application/json' }, signal: late.signal })).json()) as T;
  } catch (failure) {
    // Also when it broke off in the middle of an answer.
    throw failure instanceof Refused || stop?.aborted ? failure : new Refused(0, 'UNREACHABLE');
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener('abort', end);
  }
}

function query(route: string, device: string, range: Range, more: Record<string, string>): string {
  const parameters = new URLSearchParams({ device_id: device, from: range.from.toISOString(), to: range.to.toISOString(), ...more });
  return `${route}?${parameters}`;
}

export const api = {
  signIn: (token: string) =>
    ask('/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token }) }),

  signOut: () => ask('/v1/session', { method: 'DELETE' }),

  session: () => get<Session>('/v1/session'),

  fleet: () => get<FleetSites>('/v1/fleet'),

  devices: (signal?: AbortSignal) => get<Devices>('/v1/devices', signal),

  /** @param site Null: of every site that is seen as a whole. */
  loads: (site: string | null) => get<Loads>(site === null ? '/v1/loads' : `/v1/loads?site_id=${encodeURIComponent(site)}`),

  realtime: (device: string, signal: AbortSignal) => get<Sample>(`/v1/realtime?device_id=${encodeURIComponent(device)}`, signal),

  streamPath: (device: string) => `/v1/realtime/stream?device_id=${encodeURIComponent(device)}`,

  history: (device: string, range: Range, resolution: string, signal?: AbortSignal) =>
    get<History>(query('/v1/history', device, range, { resolution }), signal),

  energy: (device: string, range: Range, group: 'day' | 'month', signal?: AbortSignal) =>
    get<Energy>(query('/v1/energy', device, range, { group }), signal),

  completeness: (device: string, range: Range, group: 'hour' | 'day', signal?: AbortSignal) =>
    get<Completeness>(query('/v1/completeness', device, range, { group }), signal),

  historyCsv: async (device: string, range: Range, resolution: string) =>
    (await ask(query('/v1/history', device, range, { resolution }), { headers: { Accept: 'text/csv' } })).blob(),

  energyCsv: async (device: string, range: Range, group: 'day' | 'month') =>
    (await ask(query('/v1/energy', device, range, { group }), { headers: { Accept: 'text/csv' } })).blob(),
};
