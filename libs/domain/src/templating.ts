import { bindTemplates, BoundText } from './bound-text.js';
import { type Json, type JsonObject } from './pipeline.js';
import {
  evaluate,
  parseTemplate,
  TemplateError,
  type TemplateExpression,
  type TemplateScope,
} from './template-expression.js';

export { BoundText } from './bound-text.js';
export {
  formatPath,
  TEMPLATE_ROOTS,
  TemplateError,
  type TemplateRoot,
  type TemplateScope,
  TRIGGER_ROOTS,
} from './template-expression.js';

/** Steps from a config to a value in it. */
export type ConfigPath = readonly (string | number)[];

/** A rendered config: JSON, but for bound strings, which are `BoundText` when they hold templates. */
export type Rendered = Json | BoundText | Rendered[] | { [key: string]: Rendered };

export interface RenderOptions {
  /** Whether the string at this path is SQL, whose templates become parameters. */
  isBound?: (path: ConfigPath) => boolean;
  /** What errors call the config, such as `nodes.extract.config`. */
  at?: string;
}

/** One `{{ … }}` of a config, or a fault where one should be. */
export interface TemplateUse {
  /** Path of the string that holds it, from the value that was searched. */
  path: ConfigPath;
  /** As written, braces included. */
  source: string;
  /** `['nodes', 'extract', 'output', 'rows']`; empty for a literal. */
  names: ConfigPath;
  /** Why it is no template. The other templates of that string are not listed then. */
  fault?: string;
}

/** Bounds that no honest config meets: nesting, templates of one string, and text that interpolation makes. */
const MAX_DEPTH = 64;
const MAX_TEMPLATES = 1000;
const MAX_TEXT = 1_000_000;

/**
 * Renders every template of a config. A string that is exactly one template gives the value with its type;
 * otherwise values are pasted, objects and lists as JSON. Keys are never templates.
 * @throws TemplateError naming the template, its place, and what there is instead.
 */
export function renderConfig(
  config: JsonObject,
  scope: TemplateScope,
  { isBound = () => false, at = 'config' }: RenderOptions = {},
): Record<string, Rendered> {
  let textLeft = MAX_TEXT;
  const renderText = (text: string, where: string): Json => {
    const parts = splitTemplates(text, where);
    if (parts.length === 1 && typeof parts[0] === 'object') return evaluate(parts[0], scope, where);
    let rendered = '';
    for (const part of parts) {
      const piece = typeof part === 'string' ? part : asText(evaluate(part, scope, where));
      if (typeof part !== 'string' && (textLeft -= piece.length) < 0) {
        throw new TemplateError(part.source, where, `the config grows by more than ${MAX_TEXT} characters`);
      }
      rendered += piece;
    }
    return rendered;
  };
  return mapStrings(config, at, (text, path) => {
    if (!text.includes('{{')) return text;
    const where = placeOf(at, path);
    if (!isBound(path)) return renderText(text, where);
    const { text: sql, templates } = bindTemplates(text, where);
    bounded(templates, (template) => template.expression, where);
    const values = templates.map(({ expression, quoted, partial }) => {
      const value = evaluate(expression, scope, where);
      return quoted && (partial || value !== null) ? asText(value) : value;
    });
    return values.length === 0 ? sql : new BoundText(sql, values);
  }) as Record<string, Rendered>;
}

/** The SQL that `renderConfig` would bind, for checks before there are values. @throws TemplateError */
export function maskTemplates(text: string, at = 'text'): string {
  return text.includes('{{') ? bindTemplates(text, at).text : text;
}

/** Every template in a value with its place, and every fault of syntax. Never throws. */
export function templatesIn(value: Json, { isBound = () => false }: RenderOptions = {}): TemplateUse[] {
  const uses: TemplateUse[] = [];
  const read = (text: string, path: ConfigPath): string => {
    if (!text.includes('{{')) return text;
    try {
      const expressions = isBound(path)
        ? bindTemplates(text, '').templates.map((template) => template.expression)
        : splitTemplates(text, '').filter((part) => typeof part === 'object');
      bounded(expressions, (expression) => expression, '');
      for (const { source, path: names } of expressions) uses.push({ path, source, names });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      uses.push({ path, source: error.source, names: [], fault: error.reason });
    }
    return text;
  };
  try {
    mapStrings(value, '', read);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    uses.push({ path: [], source: error.source, names: [], fault: error.reason });
  }
  return uses;
}

/** Texts and templates in the order they stand. */
function splitTemplates(text: string, at: string): (string | TemplateExpression)[] {
  const parts: (string | TemplateExpression)[] = [];
  let from = 0;
  for (let start = text.indexOf('{{'); start >= 0; start = text.indexOf('{{', from)) {
    if (start > from) parts.push(text.slice(from, start));
    const { expression, end } = parseTemplate(text, start, at);
    parts.push(expression);
    from = end;
  }
  if (from < text.length || parts.length === 0) parts.push(text.slice(from));
  return bounded(parts, (part) => (typeof part === 'object' ? part : undefined), at);
}

function bounded<T>(items: T[], expression: (item: T) => TemplateExpression | undefined, at: string): T[] {
  let count = 0;
  for (const item of items) {
    const template = expression(item);
    if (template && ++count > MAX_TEMPLATES) {
      throw new TemplateError(template.source, at, `at most ${MAX_TEMPLATES} templates in one string`);
    }
  }
  return items;
}

/** A copy of `value` with every string replaced. `Object.fromEntries` keeps a key `__proto__` a plain key. */
function mapStrings(
  value: Json,
  at: string,
  replace: (text: string, path: ConfigPath) => Rendered,
): Rendered {
  const walk = (item: Json, path: ConfigPath): Rendered => {
    if (typeof item === 'string') return replace(item, path);
    if (typeof item !== 'object' || item === null) return item;
    if (path.length >= MAX_DEPTH) {
      throw new TemplateError(
        'the value',
        placeOf(at, path.slice(0, 5)),
        `is nested deeper than ${MAX_DEPTH}`,
      );
    }
    if (Array.isArray(item)) return item.map((child, i) => walk(child, [...path, i]));
    return Object.fromEntries(Object.entries(item).map(([key, child]) => [key, walk(child, [...path, key])]));
  };
  return walk(value, []);
}

const placeOf = (at: string, path: ConfigPath): string => [at, ...path].join('.');

const asText = (value: Json): string =>
  typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
