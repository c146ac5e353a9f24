import { type Json } from './pipeline.js';

/** The names a template may start with. Which of them hold something depends on where it is rendered. */
export const TEMPLATE_ROOTS = [
  'params',
  'config',
  'secrets',
  'variables',
  'run',
  'task',
  'nodes',
  'env',
  'item',
  'index',
] as const;
/** Likewise in a trigger, where nothing of a pipeline is known but a run that has ended, or a call that came in. */
export const TRIGGER_ROOTS = ['run', 'body', 'headers'] as const;
export type TemplateRoot = (typeof TEMPLATE_ROOTS | typeof TRIGGER_ROOTS)[number];

const ROOTS: readonly unknown[] = [...TEMPLATE_ROOTS, ...TRIGGER_ROOTS];

/** What templates are rendered from; a root that is absent has no value there (`item` outside a `for_each`). */
export type TemplateScope = { [root in TemplateRoot]?: unknown };

/** One parsed `{{ … }}`: a path into the scope, or a literal. */
export interface TemplateExpression {
  /** As written, braces included, shortened when long. */
  source: string;
  /** Root first, then keys and indexes; empty for a literal. */
  path: readonly (string | number)[];
  /** The literal's value, or what `default(…)` gives for a missing name. */
  fallback?: Json;
}

/** A template that cannot be parsed or has no value. The message names the template, the place and the reason. */
export class TemplateError extends Error {
  constructor(
    readonly source: string,
    /** Where it stands, such as `nodes.extract.config.path`. */
    readonly at: string,
    readonly reason: string,
  ) {
    super(`${source} in ${at}: ${reason}`);
    this.name = 'TemplateError';
  }
}

/** Longest text between two braces, and most steps of one path: far above need, far below harm. */
const MAX_EXPRESSION = 1000;
const MAX_STEPS = 32;
const SPACE = /\s/y;
const WORD = /[A-Za-z_][A-Za-z0-9_-]*/y;
const NUMBER = /-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?/y;
const CONSTANTS: Readonly<Record<string, Json>> = { true: true, false: false, null: null };
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', "'": "'", '"': '"', '\\': '\\' };

/**
 * Parses the template that starts at `start` (where `{{` stands) and says where it ends.
 * The grammar, read in one pass from left to right:
 *
 *     {{ params.day }}   {{ nodes.extract.output.columns[0]["name"] }}
 *     {{ params.mode | default('full') }}   {{ '{{' }}   (a literal: how to write two braces)
 *
 * @throws TemplateError when it is no template.
 */
export function parseTemplate(
  text: string,
  start: number,
  at: string,
): { expression: TemplateExpression; end: number } {
  let pos = start + 2;
  const limit = Math.min(text.length, pos + MAX_EXPRESSION);
  const fail = (reason: string): never => {
    throw new TemplateError(shorten(text.slice(start, Math.max(pos, start + 40))), at, reason);
  };
  const skipSpace = (): void => {
    while (match(SPACE) !== undefined);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = pos;
    const found = pos < limit ? pattern.exec(text)?.[0] : undefined;
    if (found !== undefined) pos += found.length;
    return found;
  };
  const take = (token: string): boolean => {
    if (!text.startsWith(token, pos)) return false;
    pos += token.length;
    return true;
  };
  const expect = (token: string, after: string): void => {
    if (pos >= limit) fail(limit < text.length ? 'the template is too long' : "'}}' is missing");
    if (!take(token)) fail(`expected '${token}' ${after}, found '${text[pos]}'`);
  };
  const string = (): string => {
    const quote = text[pos++];
    let value = '';
    for (; pos < limit; pos++) {
      const char = text[pos];
      if (char === quote) {
        pos++;
        return value;
      }
      if (char !== '\\') value += char;
      else value += ESCAPES[text[++pos] ?? ''] ?? fail(`unknown escape '\\${text[pos] ?? ''}'`);
    }
    return fail(`the string that starts with ${quote} is never closed`);
  };
  const atString = (): boolean => text[pos] === "'" || text[pos] === '"';
  const literal = (): Json => {
    if (atString()) return string();
    const word = match(WORD);
    if (word !== undefined && Object.hasOwn(CONSTANTS, word)) return CONSTANTS[word]!;
    const number = word === undefined ? match(NUMBER) : undefined;
    if (number !== undefined && Number.isFinite(Number(number))) return Number(number);
    return fail('expected a string, a number, true, false or null');
  };
  const step = (): string | number | undefined => {
    if (take('.')) {
      return match(WORD) ?? fail('expected a name after \'.\' (write other keys as ["key"] and [0])');
    }
    if (!take('[')) return undefined;
    skipSpace();
    const digits = atString() ? undefined : match(NUMBER);
    const key = digits === undefined ? (atString() ? string() : undefined) : Number(digits);
    if (key === undefined || (typeof key === 'number' && !Number.isSafeInteger(key))) {
      return fail("expected an index or a quoted key after '['");
    }
    skipSpace();
    expect(']', `after ${digits ?? `"${key}"`}`);
    return key;
  };
  const filter = (): Json => {
    skipSpace();
    const name = match(WORD);
    if (name !== 'default') fail(`unknown filter '${name ?? ''}'; there is only default(…)`);
    skipSpace();
    expect('(', "after 'default'");
    skipSpace();
    const value = literal();
    skipSpace();
    expect(')', 'after the default');
    return value;
  };

  skipSpace();
  const path: (string | number)[] = [];
  let fallback: Json | undefined;
  if (atString()) fallback = string();
  else {
    path.push(match(WORD) ?? fail('expected a name such as params.day'));
    for (let next = step(); next !== undefined; next = step()) {
      if (path.push(next) > MAX_STEPS) fail(`at most ${MAX_STEPS} steps in one path`);
    }
    if (!ROOTS.includes(path[0])) {
      fail(`unknown name '${path[0]}' (known: ${TEMPLATE_ROOTS.join(', ')})`);
    }
    skipSpace();
    if (take('|')) fallback = filter();
  }
  skipSpace();
  expect('}}', 'at the end of the template');
  const source = shorten(text.slice(start, pos));
  return { expression: { source, path, ...(fallback !== undefined && { fallback }) }, end: pos };
}

/**
 * The value of a template. Only own properties count, so nothing of JavaScript itself can be reached.
 * @throws TemplateError when a name is missing and there is no default.
 */
export function evaluate(expression: TemplateExpression, scope: TemplateScope, at: string): Json {
  let value: unknown = scope;
  for (const [depth, key] of expression.path.entries()) {
    const next = ownValue(value, key);
    if (next === undefined) {
      if (expression.fallback !== undefined) return expression.fallback;
      throw new TemplateError(expression.source, at, missing(expression.path, depth, value));
    }
    value = next;
  }
  return expression.path.length === 0 ? expression.fallback! : (value as Json);
}

function ownValue(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || key === '__proto__') return undefined;
  // An array's `length` is an own property too, so arrays answer to indexes only.
  if (Array.isArray(value) && typeof key !== 'number') return undefined;
  return Object.hasOwn(value, key) ? (value as Record<string | number, unknown>)[key] : undefined;
}

function missing(path: readonly (string | number)[], depth: number, value: unknown): string {
  const key = path[depth];
  if (depth === 0) return `'${key}' has no value here (has: ${namesOf(value as object)})`;
  if ((path[0] === 'secrets' || path[0] === 'variables') && depth === 1) {
    return `there is no ${path[0].slice(0, -1)} '${key}', neither in the project of the run nor for all projects`;
  }
  const owner = formatPath(path.slice(0, depth));
  if (Array.isArray(value)) return `${owner} has no [${key}] (it is a list of ${value.length})`;
  if (typeof value !== 'object' || value === null) {
    return `${owner} has no '${key}' (it is ${value === null ? 'null' : `a ${typeof value}`})`;
  }
  return `${owner} has no '${key}' (has: ${namesOf(value)})`;
}

/** `nodes.extract.output[0]` from its steps. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
}

function namesOf(value: object): string {
  const names = Object.entries(value)
    .filter(([, held]) => held !== undefined)
    .map(([name]) => shorten(name));
  if (names.length === 0) return 'nothing';
  return names.slice(0, 10).join(', ') + (names.length > 10 ? `, … ${names.length} in all` : '');
}

const shorten = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}…` : text);
