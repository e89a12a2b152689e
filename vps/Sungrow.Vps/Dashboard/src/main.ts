import { api, Refused } from './api';
import { el } from './dom';
import { Fleet } from './fleet';
import { House } from './house';
import { readRoute, writeRoute } from './route';
import { sessionEnded, signIn } from './signin';
import './styles/base.css';
import './styles/page.css';
import './styles/flow.css';
import './styles/charts.css';
import './styles/account.css';
import './styles/fleet.css';
import type { Device } from './wire';

// Whether a sign-in is worth asking the server about: no secret, the session itself is a cookie that no script can read.
const signedInHere = 'signed-in';
const openAgainAfter = 10_000;

const app = document.getElementById('app')!;
let house: House | null = null;
let shown: string | null = null;
let devices: readonly Device[] = [];
let devicesAt = new Date();
let again = 0;
let seesFleet = false;
let fleet: Fleet | null = null;

function place(element: HTMLElement): void {
  house?.stop();
  house = null;
  shown = null;
  fleet?.stop();
  fleet = null;
  app.replaceChildren(element);
}

function showSignIn(why = ''): void {
  localStorage.removeItem(signedInHere);
  document.title = 'Sign in · Sungrow';
  place(signIn(why, () => {
    localStorage.setItem(signedInHere, 'yes');
    void open();
  }));
  document.getElementById('token')?.focus();
}

async function signOut(): Promise<void> {
  try {
    await api.signOut();
    showSignIn('You are signed out.');
  } catch (failure) {
    if (failure instanceof Refused && !failure.signedOut) {
      notice(`You are still signed in. ${failure.sentence}`, 'Try again', () => void signOut());
    } else {
      showSignIn();
    }
  }
}

function notice(sentence: string, action: string, act: () => void): void {
  place(el('main', { class: 'sign-in' },
    el('img', { src: '/icon.svg', alt: '', width: 56, height: 56 }),
    el('h1', {}, 'Sungrow'),
    el('p', { role: 'alert' }, sentence),
    el('button', { type: 'button', class: 'primary', click: act }, action)));
}

async function open(): Promise<void> {
  clearTimeout(again);
  again = 0;
  if (!localStorage.getItem(signedInHere)) {
    showSignIn();
    return;
  }

  try {
    const [session, known] = await Promise.all([api.session(), api.devices()]);
    ({ devices } = known);
    devicesAt = new Date();
    seesFleet = session.fleet ?? false;
    show();
  } catch (failure) {
    if (!(failure instanceof Refused)) {
      throw failure;
    }

    if (failure.signedOut) {
      showSignIn(sessionEnded);
    } else {
      waitFor(`${failure.sentence} This page asks again by itself.`);
    }
  }
}

/** Nothing could be shown yet: asks again by itself, and says so once. */
function waitFor(sentence: string): void {
  if (app.querySelector('[role=alert]')?.textContent !== sentence) {
    notice(sentence, 'Try again', () => void open());
  }

  clearTimeout(again);
  again = window.setTimeout(() => void open(), openAgainAfter);
}

function show(): void {
  const wanted = readRoute(location.hash).device;
  const device = devices.find(known => known.device_id === wanted) ?? devices[0];
  if (seesFleet && (wanted === null || !device)) {
    if (!fleet) {
      const page = new Fleet(device ? writeRoute(device.device_id, 'day', null) : null, showSignIn, () => void signOut());
      place(page.element);
      fleet = page;
    }

    return;
  }

  if (!device) {
    notice('Your token shows no device yet. Whoever runs your server can add one to it.', 'Sign out', () => void signOut());
    return;
  }

  if (house && shown === device.device_id) {
    house.follow();
    return;
  }

  house?.stop();
  fleet?.stop();
  fleet = null;
  if (wanted !== null && wanted !== device.device_id) {
    history.replaceState(null, '', writeRoute(device.device_id, 'day', null));
  }

  house = new House(device, devices, devicesAt, seesFleet, showSignIn, () => void signOut());
  shown = device.device_id;
  app.replaceChildren(house.element);
}

window.addEventListener('online', () => {
  if (again) {
    void open();
  }
});

window.addEventListener('hashchange', () => {
  if (house || fleet) {
    show();
  }
});

void open();

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // After the page: its first second belongs to the figures.
  window.addEventListener('load', () => void navigator.serviceWorker.register('/worker.js').catch(() => {
    // Without it (a private window, a full disk) only the opening without a network is missing.
  }));
}
