// What the API answers. Names, units and signs are the wire's: W, kWh, + discharging, + exporting.

export interface Sample {
  readonly device_id: string;
  readonly ts: string;
  readonly pv_power_w: number | null;
  readonly pv_daily_kwh: number | null;
  readonly battery_power_w: number | null;
  readonly battery_soc_pct: number | null;
  readonly battery_temp_c: number | null;
  readonly load_power_w: number | null;
  readonly export_power_w: number | null;
  readonly sample_count: number;
  readonly age_s: number;
  readonly stale: boolean;
}

export interface Device {
  readonly device_id: string;
  readonly site_id: string;
  readonly time_zone: string;
  readonly status: string;
  readonly model: string | null;
  readonly serial: string | null;
  readonly poll_interval_s: number | null;
  readonly first_seen: string | null;
  readonly last_seen: string | null;
  readonly last_sample: string | null;
  readonly reachable: boolean | null;
  readonly waiting_rows: number | null;
}

export interface Devices {
  readonly devices: readonly Device[];
}

export interface Session {
  /** Left out where the viewer does not see what other servers push here. */
  readonly fleet?: boolean;
}

/** A site of a customer, whose server pushes it. */
export interface FleetSite {
  readonly customer: string;
  readonly site_id: string;
  readonly name: string;
  readonly time_zone: string;
  readonly devices: number;
  readonly last_seen: string | null;
  readonly last_sample: string | null;
  readonly lag_s: number | null;
  readonly completeness_pct: number | null;
  readonly energy_today_kwh: {
    readonly pv: number | null;
    readonly load: number | null;
    readonly import: number | null;
    readonly export: number | null;
  };
}

export interface FleetSites {
  readonly server_time: string;
  readonly sites: readonly FleetSite[];
}

export interface Load {
  readonly device_id: string;
  readonly channel: number;
  readonly name: string | null;
  readonly power_w: number;
  readonly ts: string;
  readonly age_s: number;
  readonly stale: boolean;
}

export interface Loads {
  readonly loads: readonly Load[];
}

export interface Spread {
  readonly avg: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

export interface Point {
  readonly from: string;
  readonly to: string;
  readonly covered_s: number;
  readonly samples: number;
  readonly pv_power_w: Spread | null;
  readonly battery_power_w: Spread | null;
  readonly battery_soc_pct: Spread | null;
  readonly load_power_w: Spread | null;
  readonly export_power_w: Spread | null;
}

export interface History {
  readonly time_zone: string;
  readonly resolution: string;
  readonly points: readonly Point[];
}

export interface EnergyGroup {
  readonly from: string;
  readonly to: string;
  readonly pv_kwh: number | null;
  readonly pv_counter_kwh: number | null;
  readonly load_kwh: number | null;
  readonly import_kwh: number | null;
  readonly export_kwh: number | null;
  readonly charge_kwh: number | null;
  readonly discharge_kwh: number | null;
  readonly self_consumption_pct: number | null;
  readonly autarky_pct: number | null;
  readonly covered_s: number;
}

export interface Energy {
  readonly time_zone: string;
  readonly groups: readonly EnergyGroup[];
}

export interface Gap {
  readonly from: string;
  readonly to: string | null;
  readonly reason: string;
  readonly missed: number;
}

/** Rows: expected = stored + waiting + conflicting + dead_lettered + evicted + missed + unexplained. */
export interface CompletenessPeriod {
  readonly from: string;
  readonly to: string;
  readonly expected: number;
  readonly stored: number;
  readonly waiting: number;
  readonly conflicting: number;
  readonly dead_lettered: number;
  readonly evicted: number;
  readonly missed: number;
  readonly unexplained: number;
  readonly gaps: readonly Gap[];
}

export interface Completeness {
  readonly time_zone: string;
  readonly periods: readonly CompletenessPeriod[];
}
