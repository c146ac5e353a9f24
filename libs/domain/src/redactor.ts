import { type Json } from './pipeline.js';
import { MIN_SECRET_CHARS } from './secrets.js';

const MASK = '***';
/** Shorter pieces of a secret, or of its Base64 form, are found in much that has nothing to do with it. */
const MIN_PART = 8;

/**
 * Takes secrets out of what leaves an attempt: as they are, in each of their lines, as JSON, URLs and hex write them, and
 * in Base64, also as a part of something longer such as `user:password`.
 */
export class Redactor {
  private readonly values: ReadonlySet<string>;
  private readonly pattern: RegExp | undefined;

  constructor(values: Iterable<string>) {
    this.values = new Set(values);
    const forms = [...new Set([...this.values].flatMap(formsOf))].filter((form) => form.length > 0);
    // Longer ones first, or a part would be taken out and the rest left.
    forms.sort((a, b) => b.length - a.length);
    this.pattern = forms.length > 0 ? new RegExp(forms.join('|'), 'g') : undefined;
  }

  /** One that takes these out as well. */
  and(values: Iterable<string>): Redactor {
    return new Redactor([...this.values, ...values]);
  }

  text(text: string): string {
    return this.pattern ? text.replace(this.pattern, MASK) : text;
  }

  /** A copy of JSON without the secrets in its strings and keys, and without numbers that are one. */
  json(value: Json): Json {
    if (!this.pattern) return value;
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.values.has(String(value)) ? MASK : value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.json(item));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.json(item)]));
  }
}

/** Sources of regular expressions for everything that gives a secret away. */
function formsOf(value: string): string[] {
  const trimmed = value.trim();
  const lines = value
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= MIN_PART);
  const plain = [value, trimmed, ...lines, ...partsOfUrl(trimmed)].filter(
    (text) => text.length >= MIN_SECRET_CHARS,
  );
  const written = plain.flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeURIComponent(text),
    encodeURI(text),
    ...['http://x/', 'http://x/?'].flatMap((before) => writtenBehind(before, text)),
    new URLSearchParams([['', text]]).toString().slice(1),
  ]);
  const hex = Buffer.from(trimmed).toString('hex');
  return [
    ...[...written, hex, hex.toUpperCase()].map(escaped),
    ...base64Forms(value),
    ...base64Forms(trimmed),
  ];
}

/** How an address is written that ends in the text: what must be encoded differs between a path and a query. */
function writtenBehind(before: string, text: string): string[] {
  return URL.canParse(before + text) ? [new URL(before + text).href.slice(before.length)] : [];
}

/** Of a secret that is an address itself: what logs show of one is often not all. */
function partsOfUrl(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { href, pathname, search, username, password } = new URL(text);
  return [href, href.slice(0, href.length - search.length), pathname, search, username, password].filter(
    (part) => part.length >= MIN_PART,
  );
}

/**
 * A text within something longer that was encoded begins at one of three places of a group of three bytes. The characters
 * in the middle are always the same then; those at its ends hold a few bits of it, and go with them.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    const middle = encoded.slice(before === 0 ? 0 : before + 1, whole);
    if (middle.length < MIN_PART) return [];
    const first = before === 0 ? '' : '[\\w+/-]?';
    const forUrls = middle.replaceAll('+', '-').replaceAll('/', '_');
    return [...new Set([middle, forUrls])].map((form) => `${first}${escaped(form)}[\\w+/-]?={0,2}`);
  });
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
