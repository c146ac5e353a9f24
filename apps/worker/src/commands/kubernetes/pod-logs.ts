import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallContext } from '@tauro/processes';
import { LastLine, PrintedText, ShortText } from '../lines.js';
import { MAX_LAST_LINE, MAX_STDOUT_CHARS } from '../run-command.js';
import { type Cluster } from './cluster.js';
import { CONTAINER } from './job-manifest.js';

/** How long the last lines of a container that has ended may take. */
const REST_MS = 5000;
const AGAIN_MS = 1000;
const MAX_LINE_BYTES = 1024 * 1024;

/**
 * What a container prints, both streams in one as the cluster keeps them. Streams of hours are cut by whatever lies
 * between: then they are taken up again after the last line, by its time.
 */
export class PodLogs {
  readonly stdout = new ShortText(MAX_STDOUT_CHARS);
  readonly lastLine = new LastLine(MAX_LAST_LINE);
  private readonly printed = new PrintedText();
  private readonly over = new AbortController();
  private readonly following: Promise<void>;
  private stream?: { end(): void };
  private left = false;
  private rest: Buffer = Buffer.alloc(0);
  /** When the last line was printed: as told, and as text that can be compared. */
  private last = { told: '', at: '' };

  constructor(
    private readonly cluster: Cluster,
    private readonly pod: { namespace: string; name: string },
    private readonly context: CallContext,
  ) {
    this.following = this.follow();
  }

  /** Waits for the rest, once the container has ended. */
  async end(): Promise<void> {
    this.over.abort();
    const late = setTimeout(() => this.leave(), REST_MS);
    await this.following;
    clearTimeout(late);
    this.show(this.printed.end());
  }

  /** When nobody wants to know any more. */
  leave(): void {
    this.left = true;
    this.over.abort();
    this.stream?.end();
  }

  private async follow(): Promise<void> {
    for (;;) {
      const { aborted } = this.over.signal;
      await this.once().catch(() => undefined);
      // One that began after the container had ended has brought everything.
      if (aborted || this.left) return;
      await sleep(AGAIN_MS, undefined, { signal: this.over.signal }).catch(() => undefined);
    }
  }

  private async once(): Promise<void> {
    const { namespace, name } = this.pod;
    const lines = new PassThrough();
    const ended = new Promise<void>((resolve) => lines.once('close', resolve).once('end', resolve));
    // The client does not tell of a connection that breaks.
    lines.once('pipe', (body: NodeJS.ReadableStream) => body.once('error', () => lines.end()));
    lines.on('data', (chunk: Buffer) => this.take(chunk));
    const { told } = this.last;
    const request = await this.cluster.logs.log(namespace, name, CONTAINER, lines, {
      follow: true,
      timestamps: true,
      ...(told !== '' && { sinceTime: told }),
    });
    this.stream = { end: () => (request.abort(), lines.end()) };
    if (this.left) this.stream.end();
    try {
      await ended;
    } finally {
      this.stream = undefined;
      request.abort();
    }
    // Half a line comes again, from its beginning, unless it is the last of all.
    if (this.over.signal.aborted && this.rest.length > 0) this.line(this.rest);
    this.rest = Buffer.alloc(0);
  }

  private take(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    for (let end = this.rest.indexOf(10); end >= 0; end = this.rest.indexOf(10)) {
      this.line(this.rest.subarray(0, end + 1));
      this.rest = this.rest.subarray(end + 1);
    }
    if (this.rest.length > MAX_LINE_BYTES) {
      this.line(this.rest);
      this.rest = Buffer.alloc(0);
    }
  }

  private line(line: Buffer): void {
    const space = line.indexOf(32);
    const told = line.subarray(0, Math.max(0, space)).toString('latin1');
    const at = comparable(told);
    if (at === undefined) return this.show(this.printed.take(line));
    // It is asked for by the second, and known by the nanosecond.
    if (at <= this.last.at) return;
    this.last = { told, at };
    this.show(this.printed.take(line.subarray(space + 1)));
  }

  private show(text: string): void {
    if (text === '') return;
    this.context.stream('INFO', text);
    this.stdout.add(text);
    this.lastLine.add(text);
  }
}

/** Times of RFC 3339 in UTC, whose fractions leave out zeros at their ends; undefined for anything else. */
function comparable(time: string): string | undefined {
  const [, seconds, fraction = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(time) ?? [];
  return seconds && `${seconds}.${fraction.padEnd(9, '0')}`;
}
