import { type LogLevel } from '@tauro/domain';

/** Longest line that is kept whole. */
const MAX_LINE = 16 * 1024;
/** What a line costs besides its text, so that a flood of empty lines is bounded too. */
const LINE_OVERHEAD = 64;

/**
 * The log of one attempt, inside its process. Bounded here, before lines cross over: once the limit is
 * reached they are only counted, so a flood costs the call's own time and nobody's memory.
 */
export class AttemptLog {
  private bytes = 0;
  private dropped = 0;
  private readonly partial = { INFO: '', WARNING: '' };

  constructor(
    private readonly maxBytes: number,
    private readonly post: (level: LogLevel, message: string) => void,
  ) {}

  write(level: LogLevel, message: string): void {
    if (this.bytes >= this.maxBytes) {
      this.dropped++;
      return;
    }
    const cut = message.length > MAX_LINE;
    const line = cut ? `${message.slice(0, MAX_LINE)}… (${message.length} characters)` : message;
    this.bytes += Buffer.byteLength(line) + LINE_OVERHEAD;
    this.post(level, line);
    if (this.bytes >= this.maxBytes) {
      this.post(
        'WARNING',
        `the log of this attempt has reached ${this.maxBytes} bytes; more lines are dropped`,
      );
    }
  }

  /** Takes what is written to stdout or stderr, line by line. */
  stream(level: 'INFO' | 'WARNING', chunk: string): void {
    if (this.bytes >= this.maxBytes && !chunk.includes('\n')) return;
    const lines = (this.partial[level] + chunk).split('\n');
    const rest = lines.pop()!;
    for (const line of lines) this.write(level, line.replace(/\r$/, ''));
    // A program that never ends its line must not fill the memory with it.
    if (rest.length > MAX_LINE) this.write(level, rest);
    this.partial[level] = rest.length > MAX_LINE ? '' : rest;
  }

  /** Sends what stands on unfinished lines, and how much was dropped. */
  end(): void {
    for (const level of ['INFO', 'WARNING'] as const) {
      if (this.partial[level] !== '') this.write(level, this.partial[level]);
      this.partial[level] = '';
    }
    if (this.dropped > 0) this.post('WARNING', `${this.dropped} log line(s) were dropped`);
  }
}
