import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { type Json, LOG_LEVELS, type LogLevel } from '@tauro/domain';

const MAX_LINE_CHARS = 1024 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;
/** Read at a time, so that a program that writes much stops nothing else. */
const MAX_PIECE_BYTES = 4 * 1024 * 1024;

/** Told of what a command says by the file that `TAURO_OUTPUT` names. */
export interface OutputHooks {
  log(level: LogLevel, message: string): void;
  progress(fraction: number): void;
}

/**
 * Reads the lines of JSON that a command appends to a file. The file is opened before the command runs: what becomes
 * of its name does not matter.
 */
export class OutputLines {
  value?: Json;
  table?: { path: string; format?: string };
  /** The first thing that was wrong. */
  fault?: string;
  private readonly file: number;
  private readonly decoder = new StringDecoder('utf8');
  private offset = 0;
  private line = 0;
  private rest = '';
  private closed = false;

  constructor(
    path: string,
    private readonly hooks: OutputHooks,
  ) {
    this.file = openSync(path, 'r');
  }

  /** Takes what has come. @returns whether there may be more already */
  poll(): boolean {
    if (this.closed) return false;
    const buffer = Buffer.allocUnsafe(64 * 1024);
    for (let taken = 0; taken < MAX_PIECE_BYTES && this.offset <= MAX_BYTES;) {
      const bytes = readSync(this.file, buffer, 0, buffer.length, this.offset);
      if (bytes === 0) return false;
      taken += bytes;
      this.offset += bytes;
      this.take(this.decoder.write(buffer.subarray(0, bytes)));
    }
    if (this.offset > MAX_BYTES) this.fault ??= `TAURO_OUTPUT has more than ${MAX_BYTES} bytes`;
    return this.offset <= MAX_BYTES;
  }

  /** Takes all that is there, a last line without an end too. */
  end(): void {
    while (this.poll());
    this.take(this.decoder.end());
    if (this.rest.trim() !== '') this.take('\n');
    this.close();
  }

  close(): void {
    if (!this.closed) closeSync(this.file);
    this.closed = true;
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      this.line++;
      if (line.trim() === '') continue;
      const wrong = this.message(line);
      if (wrong) this.fault ??= `TAURO_OUTPUT line ${this.line}: ${wrong}`;
    }
    if (this.rest.length > MAX_LINE_CHARS) {
      this.fault ??= `TAURO_OUTPUT line ${this.line + 1}: is longer than ${MAX_LINE_CHARS} characters`;
      this.rest = '';
    }
  }

  /** Does as a line says. @returns what is wrong with it */
  private message(line: string): string | undefined {
    let said: unknown;
    try {
      said = JSON.parse(line);
    } catch {
      return `is no JSON: ${shown(line)}`;
    }
    const { type, ...message } = (said ?? {}) as Record<string, Json>;
    switch (type) {
      case 'output':
        if (message['value'] === undefined) return 'an output needs a value';
        this.value = message['value'];
        return undefined;
      case 'progress':
        if (typeof message['fraction'] !== 'number') return 'a progress needs a fraction from 0 to 1';
        this.hooks.progress(message['fraction']);
        return undefined;
      case 'log':
        return this.log(message);
      case 'table': {
        const { path, format } = message;
        if (typeof path !== 'string' || path === '') return 'a table needs the path of its file';
        if (format !== undefined && typeof format !== 'string') return 'the format of a table is a text';
        this.table = { path, ...(format !== undefined && { format }) };
        return undefined;
      }
      default:
        return `its type is none of output, progress, log, table: ${shown(line)}`;
    }
  }

  private log({ level = 'INFO', message }: Record<string, Json>): string | undefined {
    const known = LOG_LEVELS.find((one) => one === String(level).toUpperCase());
    if (!known) return `the level of a log is one of ${LOG_LEVELS.join(', ')}`;
    if (typeof message !== 'string') return 'a log needs a message';
    this.hooks.log(known, message);
    return undefined;
  }
}

const shown = (line: string): string => (line.length > 80 ? `${line.slice(0, 80)}…` : line);
