import { LRUCache } from 'lru-cache';

/** A stretch of time in which a zone's clock keeps one distance from UTC. All in ms; `to` is exclusive. */
export interface Era {
  from: number;
  to: number;
  /** Wall clock minus UTC. */
  offset: number;
  /** The offset just before `from`; the same as `offset` where nothing changed. */
  before: number;
}

const DAY = 86_400_000;
/** Since 1900 no zone has changed its offset twice within three days, so probes this far apart see every change. */
const PROBE = 3 * DAY;
/** Eras are found and kept for about a year at a time (133 probes, some 0.2 ms). */
const BLOCK = 133 * PROBE;

const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** A time zone of the IANA database as Node's Intl knows it. */
export class Zone {
  private readonly blocks = new LRUCache<number, Era[]>({ max: 64 });

  private constructor(private readonly formatter: Intl.DateTimeFormat) {}

  private static readonly known = new LRUCache<string, Zone>({ max: 512 });

  /** The zone of that name, or null if there is none. Offsets such as `+02:00` are no names. */
  static named(name: string): Zone | null {
    const known = Zone.known.get(name);
    if (known || !/^[a-z]/i.test(name)) return known ?? null;
    try {
      const zone = new Zone(new Intl.DateTimeFormat('en', { timeZone: name, timeZoneName: 'longOffset' }));
      Zone.known.set(name, zone);
      return zone;
    } catch {
      return null;
    }
  }

  /**
   * The era that an instant (ms) belongs to. Eras are cut where a block ends too; one that begins so, and not at a
   * change of the clock, has `before === offset`. A change of the last three days is always its beginning.
   */
  eraAt(instant: number): Era {
    const index = Math.floor(instant / BLOCK);
    let eras = this.blocks.get(index);
    if (!eras) this.blocks.set(index, (eras = this.erasOf(index * BLOCK)));
    return eras.find(({ to }) => instant < to)!;
  }

  /** Begins a probe early, so that a change shortly before the block is known in it. */
  private erasOf(start: number): Era[] {
    const eras: Era[] = [];
    const end = start + BLOCK;
    let from = start - PROBE;
    let offset = this.offsetAt(from);
    let before = offset;
    for (let at = from; at < end; at += PROBE) {
      const after = this.offsetAt(at + PROBE);
      if (after === offset) continue;
      const to = this.changeIn(at, at + PROBE, offset);
      eras.push({ from, to, offset, before });
      [from, before, offset] = [to, offset, after];
    }
    return [...eras, { from, to: end, offset, before }];
  }

  /** The first whole second in (low, high] with another offset than that at `low`. */
  private changeIn(low: number, high: number, offset: number): number {
    let [same, other] = [low / 1000, high / 1000];
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2);
      if (this.offsetAt(middle * 1000) === offset) same = middle;
      else other = middle;
    }
    return other * 1000;
  }

  private offsetAt(instant: number): number {
    const [, sign, hours, minutes, seconds = '0'] = OFFSET.exec(this.formatter.format(instant))!;
    if (sign === undefined) return 0;
    const size = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
    return (sign === '-' ? -size : size) * 1000;
  }
}
