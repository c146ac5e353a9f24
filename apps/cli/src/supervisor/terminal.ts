import { styleText } from 'node:util';

import { prettyLines } from '@tauro/platform';

const COLORS = ['cyan', 'magenta', 'blue', 'green'] as const;
const LOUD = /"level":"(?:WARNING|ERROR|CRITICAL)"/;
const JSON_LINE = /^\{.*\}$/;

/** Everything that is shown, one line at a time. */
export class Terminal {
  /** While true, children are only heard when something is wrong. */
  quiet = false;
  readonly interactive = process.stdout.isTTY;
  private readonly pretty = prettyLines(this.interactive);
  private readonly names: string[] = [];
  /** Set while something is drawn that must not be written over. */
  private writer = (line: string): void => void process.stdout.write(`${line}\n`);

  constructor() {
    // A pipe such as `| head` may close; that is no reason to leave processes behind.
    process.stdout.on('error', () => undefined);
  }

  say(line: string): void {
    this.writer(line);
  }

  complain(message: string): void {
    this.writer(this.paint('red', message));
  }

  /** One line of a child's output, with the child's name before it. */
  child(name: string, line: string): void {
    const isLog = JSON_LINE.test(line);
    if (this.quiet && isLog && !LOUD.test(line)) return;
    const text = isLog && this.wantsText() ? this.pretty(line) : line;
    for (const part of text.split('\n')) this.writer(`${this.prefix(name)} ${part}`);
  }

  /** Hands all output to somebody else for a while, such as progress bars. */
  redirect(writer: (line: string) => void): { restore(): void } {
    const before = this.writer;
    this.writer = writer;
    return { restore: () => (this.writer = before) };
  }

  paint(color: Parameters<typeof styleText>[0], text: string): string {
    return this.interactive ? styleText(color, text) : text;
  }

  private wantsText(): boolean {
    return this.interactive || /^(text|pretty)$/i.test(process.env.LOG_FORMAT ?? '');
  }

  private prefix(name: string): string {
    if (!this.names.includes(name)) this.names.push(name);
    const color = COLORS[this.names.indexOf(name) % COLORS.length]!;
    return this.paint(color, `${name.padEnd(9)}|`);
  }
}
