import { type LogLevel } from '@tauro/domain';

/** What Livy puts before each part of a log: `stdout: `, `\nstderr: `, `\nYARN Diagnostics: `. */
const HEADING = /^\n?([A-Za-z ]{1,40}): $/;

/** Spark's own lines say how serious they are: `24/01/31 10:00:00 WARN Utils: ...`. */
const LEVEL = /^\d\d[\d/:. -]+ (ERROR|WARN)\b/;

/**
 * Tells what is new in a log of which Livy shows the last lines only, in parts that grow each at its end: what the part
 * showed last before begins the rest.
 */
export class LogTail {
  private readonly parts = new Map<string, string[]>();

  /** @returns the lines that were not there before */
  take(shown: readonly string[]): { level: LogLevel; message: string }[] {
    return [...partsOf(shown)].flatMap(([part, lines]) => {
      const known = this.parts.get(part) ?? [];
      this.parts.set(part, lines);
      return lines
        .slice(overlap(known, lines))
        .filter((line) => line.trim() !== '')
        .map((line) => ({ level: levelOf(line), message: line }));
    });
  }
}

function partsOf(shown: readonly string[]): Map<string, string[]> {
  const parts = new Map<string, string[]>();
  let part = '';
  for (const line of shown) {
    const [, heading] = HEADING.exec(line) ?? [];
    if (heading !== undefined) part = heading;
    else parts.set(part, [...(parts.get(part) ?? []), line]);
  }
  return parts;
}

/** How many lines at the beginning of `lines` are the end of `known`. */
function overlap(known: readonly string[], lines: readonly string[]): number {
  for (let count = Math.min(known.length, lines.length); count > 0; count--) {
    const from = known.length - count;
    if (lines.slice(0, count).every((line, i) => line === known[from + i])) return count;
  }
  return 0;
}

function levelOf(line: string): LogLevel {
  const [, level] = LEVEL.exec(line) ?? [];
  if (level === 'ERROR') return 'ERROR';
  return level === 'WARN' ? 'WARNING' : 'INFO';
}
