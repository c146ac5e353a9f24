import { invalid } from '@tauro/domain';

/** Far deeper than any definition is, far less deep than what would exhaust a stack or MongoDB (100 levels). */
const MAX_DEPTH = 50;

/**
 * Takes objects only, and refuses what JSON can spell but nothing behind the API can keep: nesting without end,
 * numbers beyond a double, and keys that a store or a prototype would take for something else.
 * @param forbidden keys that are refused at any depth. @throws DomainError VALIDATION_ERROR
 */
export function checkJsonBounds(body: unknown, forbidden: readonly string[] = ['__proto__']): void {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid([{ field: 'body', message: 'must be a JSON object', type: 'type_error' }]);
  }
  visit(body, [], forbidden);
}

type Path = (string | number)[];

function visit(value: unknown, path: Path, forbidden: readonly string[]): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    refuse(path, 'is too large a number', 'value_error');
  }
  if (typeof value !== 'object' || value === null) return;
  if (path.length >= MAX_DEPTH) refuse(path, `is nested deeper than ${MAX_DEPTH} levels`, 'too_long');
  for (const [key, item] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    path.push(key);
    if (typeof key === 'string' && (forbidden.includes(key) || key.includes('\0'))) {
      refuse(path, 'is not an allowed key', 'extra_forbidden');
    }
    visit(item, path, forbidden);
    path.pop();
  }
}

function refuse(path: Path, message: string, type: string): never {
  const field = path.slice(0, 8).join('.').replaceAll('\0', '\\0').slice(0, 200);
  throw invalid([{ field, message, type }]);
}
