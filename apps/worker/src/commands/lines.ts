import { StringDecoder } from 'node:string_decoder';

/** What terminals take for colours and movements. */
// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/**
 * What a program prints, made fit for a log: UTF-8, what is none of it and control characters as U+FFFD, colours left
 * out, and a line that is written over again as several.
 */
export class PrintedText {
  private readonly decoder = new StringDecoder('utf8');
  /** Whether a return at the end of a piece ends its line depends on what follows. */
  private held = '';

  take(chunk: Buffer): string {
    const text = this.held + this.decoder.write(chunk);
    this.held = text.endsWith('\r') ? '\r' : '';
    return harmless(text.slice(0, text.length - this.held.length));
  }

  /** What an unfinished character at the end is worth. */
  end(): string {
    return harmless(this.held + this.decoder.end());
  }
}

const harmless = (text: string): string =>
  text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(CONTROLS, '\ufffd');

/** Keeps all of a text as long as it is short. */
export class ShortText {
  private text: string | undefined = '';

  constructor(private readonly most: number) {}

  add(text: string): void {
    if (this.text === undefined) return;
    this.text = this.text.length + text.length > this.most ? undefined : this.text + text;
  }

  /** Without the line end that programs put at the end; undefined when it was too long. */
  get value(): string | undefined {
    return this.text?.replace(/\n$/, '');
  }
}

/** Keeps the last line that has something on it. */
export class LastLine {
  private tail = '';

  constructor(private readonly most: number) {}

  add(text: string): void {
    // What is before the last line end but one can never matter again.
    this.tail = (this.tail + text).slice(-4 * this.most);
  }

  get value(): string | undefined {
    const line = this.tail.trimEnd().split('\n').at(-1)!.trim();
    if (line === '') return undefined;
    return line.length > this.most ? `${line.slice(0, this.most)}…` : line;
  }
}
