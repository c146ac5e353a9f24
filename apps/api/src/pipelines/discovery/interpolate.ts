import { type Json } from '@tauro/domain';

export type Variables = Record<string, string | undefined>;

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * The value with every `${X}` in its strings filled in. What a variable holds is not looked into again.
 * @param missing is told each name without a value; the reference then stays as it is.
 */
export function interpolate(value: unknown, variables: Variables, missing: (name: string) => void): Json {
  if (typeof value === 'string') {
    return value.replace(REFERENCE, (reference: string, name: string) => {
      const known = variables[name];
      if (known === undefined) missing(name);
      return known ?? reference;
    });
  }
  if (Array.isArray(value)) return value.map((item) => interpolate(item, variables, missing));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, interpolate(item, variables, missing)]),
    );
  }
  return (value ?? null) as Json;
}
