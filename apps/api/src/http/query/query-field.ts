import { idPattern, isId, NAME_PATTERN, type IdPrefix } from '@tauro/domain';

/** A JSON schema, as OpenAPI shows a parameter. */
export type ParamSchema = Record<string, unknown>;

/** One query parameter: how it is documented and how its text is read. */
export interface QueryField<T> {
  description: string;
  schema: ParamSchema;
  example?: string;
  required?: boolean;
  /** The value when the parameter is absent; undefined unless given. */
  fallback?: T;
  /** @throws BadValue that says what is wrong with the text. */
  parse(text: string): T;
}

/** What is wrong with the text of one parameter; the reader adds its name. */
export class BadValue extends Error {
  constructor(
    message: string,
    readonly type = 'value_error',
  ) {
    super(message);
  }
}

/** The same field, which must be there. */
export const required = <T>(field: QueryField<T>): QueryField<T> & { required: true } => ({
  ...field,
  required: true,
});

/** The same field, with a value for when it is absent. */
export const withDefault = <T>(field: QueryField<T>, fallback: T): QueryField<T> & { fallback: T } => ({
  ...field,
  schema: { ...field.schema, default: fallback },
  fallback,
});

/** `true` or `false`; undefined when absent. */
export const choice = (description: string): QueryField<boolean> => ({
  description,
  schema: { type: 'boolean' },
  parse(text) {
    if (text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
    throw new BadValue(`must be true or false, got '${shown(text)}'`, 'type_error');
  },
});

/** `true` or `false`; false when absent. */
export const flag = (description: string): QueryField<boolean> & { fallback: boolean } =>
  withDefault(choice(description), false);

export const integer = (description: string, min: number, max: number): QueryField<number> => ({
  description,
  schema: { type: 'integer', minimum: min, maximum: max },
  parse(text) {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new BadValue(`must be a whole number from ${min} to ${max}, got '${shown(text)}'`, 'type_error');
  },
});

export const oneOf = <T extends string>(description: string, allowed: readonly T[]): QueryField<T> => ({
  description,
  schema: { type: 'string', enum: allowed },
  parse: (text) => member(text, allowed),
});

/** A comma list of words out of a fixed set, such as `RUNNING,QUEUED`. */
export const someOf = <T extends string>(description: string, allowed: readonly T[]): QueryField<T[]> => ({
  description: `${description} Comma list of ${allowed.join(', ')}.`,
  schema: { type: 'string' },
  example: allowed[0],
  parse: (text) => text.split(',').map((word) => member(word.trim(), allowed)),
});

export const id = (prefix: IdPrefix, description: string): QueryField<string> => ({
  description,
  schema: { type: 'string', pattern: idPattern(prefix).source },
  parse(text) {
    if (isId(prefix, text)) return text;
    throw new BadValue(`must be an id such as ${prefix}_abc123, got '${shown(text)}'`, 'value_error');
  },
});

export const idOrName = (prefix: IdPrefix, description: string): QueryField<string> => ({
  description,
  schema: { type: 'string' },
  parse(text) {
    if (isId(prefix, text) || NAME_PATTERN.test(text)) return text;
    throw new BadValue(
      `must be an id such as ${prefix}_abc123, or a name, got '${shown(text)}'`,
      'value_error',
    );
  },
});

export const text = (description: string, maxLength = 200): QueryField<string> => ({
  description,
  schema: { type: 'string', minLength: 1, maxLength },
  parse(value) {
    if (value.length <= maxLength && !value.includes('\0')) return value;
    throw new BadValue(`must be at most ${maxLength} characters without NUL`, 'too_long');
  },
});

/** A date (midnight UTC) or a time with its zone. */
const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d))?$/;

/** @returns undefined for what is not ISO 8601. */
export function instantOf(value: string): Date | undefined {
  const date = new Date(ISO_8601.test(value) && isDayOfMonth(value) ? value : NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** `Date` would make the second of March of the thirtieth of February. */
function isDayOfMonth(value: string): boolean {
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

export const instant = (description: string): QueryField<Date> => ({
  description: `${description} ISO 8601.`,
  schema: { type: 'string', format: 'date-time' },
  parse(value) {
    // A plus sign that was not percent-encoded arrives as a space.
    const date = instantOf(value.replace(' ', '+'));
    if (date) return date;
    throw new BadValue(`must be ISO 8601 such as 2025-11-18T10:00:00Z, got '${shown(value)}'`, 'type_error');
  },
});

function member<T extends string>(word: string, allowed: readonly T[]): T {
  if ((allowed as readonly string[]).includes(word)) return word as T;
  throw new BadValue(`'${shown(word)}' is not one of ${allowed.join(', ')}`, 'enum');
}

/** A client's text as an error may repeat it. */
export const shown = (value: string): string => (value.length > 60 ? `${value.slice(0, 60)}…` : value);
