import { RE2JS } from 're2js';

/** Longest pattern a schema may hold, in characters. */
export const MAX_PATTERN = 512;

/**
 * Regular expressions of people whose schemas are evaluated here: RE2's syntax, matched in time linear in the text,
 * so that none can be made to run for ever. It has no lookaround and no back references.
 * @throws Error for a pattern that RE2 cannot read.
 */
export const safeRegExp = Object.assign(
  (pattern: string): { test(text: string): boolean; toString(): string } => {
    const compiled = RE2JS.compile(pattern);
    // Ajv tells patterns apart by their text.
    return { test: (text) => compiled.matcher(text).find(), toString: () => `/${pattern}/` };
  },
  { code: 'safeRegExp' },
);

/** Why a pattern cannot be used; undefined when it can. */
export function patternFault(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN) return `is longer than ${MAX_PATTERN} characters`;
  try {
    safeRegExp(pattern);
    return undefined;
  } catch (error) {
    return `is not supported (RE2 syntax: no lookaround, no back references): ${(error as Error).message}`;
  }
}
