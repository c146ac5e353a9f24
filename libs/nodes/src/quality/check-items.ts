import { type CheckSeverity, type ErrorDetail } from '@tauro/domain';
import { type CheckKind, looksAtRows } from './checks/check.js';
import { CHECKS } from './checks/index.js';

/** One item of `checks`. */
export interface CheckItem {
  /** `checks.1 (range)`, for messages. */
  place: string;
  kind: CheckKind;
  name: string;
  severity: CheckSeverity;
  /** How many samples of what is wrong are kept. */
  samples: number;
  options: Record<string, unknown>;
}

/** Long enough to tell checks of many columns apart. */
const MAX_NAME = 200;

export function checkItems(checks: unknown): CheckItem[] {
  return ((checks ?? []) as Record<string, unknown>[]).map((check, i) => {
    const { type, name, severity = 'fail', samples = 3, ...options } = check;
    const kind = CHECKS.get(type as string)!;
    return {
      place: `checks.${i} (${kind.type})`,
      kind,
      name: (name as string | undefined) ?? nameOf(kind, options),
      severity: severity as CheckSeverity,
      samples: Number(samples),
      options,
    };
  });
}

function nameOf(kind: CheckKind, options: Record<string, unknown>): string {
  const about = kind.about(options);
  return (about === '' ? kind.type : `${kind.type}(${about})`).slice(0, MAX_NAME);
}

/** What is wrong with a check that fits the schema, by its place in the list. */
export function itemFaults(items: readonly CheckItem[]): { place: string; index: number; message: string }[] {
  return items.flatMap(({ place, kind, name, severity, options }, index) => {
    const first = items.findIndex((item) => item.name === name);
    const message =
      kind.fault?.(options) ??
      (severity === 'quarantine' && !looksAtRows(kind, options)
        ? 'looks at the table as a whole, so there are no rows to quarantine; its severity can be warn or fail'
        : undefined) ??
      (first < index ? `is called '${name}', as checks.${first} is; give it another name` : undefined);
    return message === undefined ? [] : [{ place, index, message }];
  });
}

/** The same before there is a run. */
export const checksFaults = (checks: unknown): ErrorDetail[] =>
  itemFaults(checkItems(checks)).map(({ index, message }) => ({
    field: `config.checks.${index}`,
    message,
    type: 'value_error',
  }));
