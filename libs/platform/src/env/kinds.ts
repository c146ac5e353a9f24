import { EMAIL_PATTERN } from '@tauro/domain';
import { isIP } from 'node:net';

/** How the text of a variable becomes a value. `parse` throws an Error whose message says what the text is not. */
export interface Kind<T> {
  parse(text: string): T;
  /** A text that parses, shown beside a problem. */
  example: string;
}

const kind = <T>(example: string, parse: (text: string) => T): Kind<T> => ({ example, parse });

const matching = (example: string, pattern: RegExp, expected: string): Kind<string> =>
  kind(example, (text) => {
    if (!pattern.test(text)) throw new Error(`is not ${expected}`);
    return text;
  });

export const text = (example: string): Kind<string> => kind(example, (value) => value);

/** A text that nobody can guess, as far as its length can tell; it has no blanks, so that a header can carry it. */
export const secretText = (example: string, least: number): Kind<string> =>
  kind(example, (value) => {
    if (!/^[\x21-\x7e]*$/.test(value)) throw new Error('has characters that a header cannot carry');
    if (value.length < least) throw new Error(`is shorter than ${least} characters`);
    return value;
  });

/** A text; the word `none` stands for leaving it out although there is a default. */
export const orNone = (example: string): Kind<string | undefined> =>
  kind(example, (value) => (value.toLowerCase() === 'none' ? undefined : value));

/** Letters, digits, `_`, `-` and `.`: safe in a key, a file name or a header. */
export const word = (example: string): Kind<string> =>
  matching(example, /^[\w.-]{1,63}$/, 'a name of at most 63 letters, digits, "_", "-" or "."');

/** An address or a name that a server can listen on. */
export const host = (example: string): Kind<string> =>
  kind(example, (value) => {
    const address = value.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) === 0 && !HOST_NAME.test(value))
      throw new Error('is neither an IP address nor a host name');
    return value;
  });

/** Its last label is no number, so that a mistyped address is not taken for a name. */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

export const url = (example: string, ...schemes: string[]): Kind<string> =>
  kind(example, (value) => {
    if (!schemes.some((scheme) => value.startsWith(`${scheme}://`))) {
      throw new Error(`is not a URL that starts with ${schemes.map((s) => `${s}://`).join(' or ')}`);
    }
    return value;
  });

/** Where Sentry takes reports: a key, a host and the number of a project. */
export const sentryDsn: Kind<string> = matching(
  'https://key@sentry.example.com/1',
  /^https?:\/\/[^\s:@/]+(:[^\s@/]*)?@[^\s@/]+\/(\S*\/)?\d+$/,
  'a DSN: https://, the public key, @, the host, / and the number of the project',
);

/** An email address, or a name and an address in angle brackets. */
export const mailbox = (example: string): Kind<string> =>
  kind(example, (value) => {
    const address = /^[^<>"\r\n]{0,200}<([^<>]*)>$/.exec(value)?.[1] ?? value;
    if (!EMAIL_PATTERN.test(address)) throw new Error('is no email address');
    return value;
  });

export const boolean: Kind<boolean> = kind('true', (value) => {
  if (/^(true|yes|on|1)$/i.test(value)) return true;
  if (/^(false|no|off|0)$/i.test(value)) return false;
  throw new Error('is neither true nor false');
});

/** A number within bounds, both included. */
export function number(example: number, min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  return bounded('a number', example, min, max, /^\d+(\.\d+)?$/);
}

/** A whole number within bounds, both included. */
export function integer(example: number, min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  return bounded('a whole number', example, min, max, /^\d+$/);
}

function bounded(what: string, example: number, min: number, max: number, pattern: RegExp): Kind<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  return kind(String(example), (value) => {
    const parsed = Number(value);
    if (!pattern.test(value) || parsed < min || parsed > max) throw new Error(`is not ${what} ${range}`);
    return parsed;
  });
}

/** One of some words; case does not matter, the spelling given here is the value. */
export const oneOf = <T extends string>(...words: [T, ...T[]]): Kind<T> =>
  kind(words[0], (value) => {
    const found = words.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw new Error(`is none of ${words.join(', ')}`);
    return found;
  });

/** `["a","b"]` or `a,b`. */
export const list = (example: string): Kind<string[]> =>
  kind(example, (value) => {
    if (!value.startsWith('[')) {
      return value.split(',').flatMap((part) => part.trim() || []);
    }
    const parsed = parseJson(value);
    if (!Array.isArray(parsed) || !parsed.every((item) => typeof item === 'string' && item !== '')) {
      throw new Error('is not a JSON list of strings');
    }
    return parsed as string[];
  });

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

export const timezone: Kind<string> = kind('Europe/Madrid', (value) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return value;
  } catch {
    throw new Error('is not an IANA time zone');
  }
});

/** Express's `trust proxy`: yes or no, a number of hops, or a list of addresses and subnets. */
export const trustProxy: Kind<boolean | number | string> = kind('loopback', (value) => {
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  if (/^\d+$/.test(value)) return Number(value);
  if (!value.split(',').every((part) => isProxy(part.trim()))) {
    throw new Error('is neither true, false, a number of hops, nor a list of addresses and subnets');
  }
  return value;
});

/** The words are Express's names for groups of private addresses. */
function isProxy(part: string): boolean {
  if (/^(loopback|linklocal|uniquelocal)$/.test(part)) return true;
  const [address = '', bits, ...rest] = part.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)]!;
  return (
    rest.length === 0 &&
    most >= 0 &&
    (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= most && Number(bits) > 0))
  );
}
