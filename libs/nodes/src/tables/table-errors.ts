import { type Column } from '@tauro/domain';
import { NodeError } from '../node-kind.js';
import { namesOf } from './sql-text.js';

/** What DuckDB says about a statement that failed, in parts. `message` is for people of this project only. */
export class EngineFault extends Error {
  constructor(
    /** `Binder`, `Conversion`, `Out of Memory`, ... */
    readonly kind: string,
    message: string,
    /** `COLUMN_NOT_FOUND`, `MISSING_ENTRY`, ... where DuckDB knows. */
    readonly subtype?: string,
    /** The column, function or type in question, where DuckDB knows. */
    readonly subject?: string,
  ) {
    super(message);
    this.name = 'EngineFault';
  }
}

/** Reads the JSON that `errors_as_json` makes of every error. */
export function asEngineFault(error: unknown): EngineFault {
  const text = error instanceof Error ? error.message : String(error);
  try {
    const fault = JSON.parse(text.slice(text.indexOf('{'))) as Record<string, string | undefined>;
    if (typeof fault['exception_type'] === 'string') {
      const { exception_type, exception_message = '', error_subtype, name } = fault;
      return new EngineFault(exception_type, exception_message, error_subtype, name);
    }
  } catch {
    // Not JSON: an error of the driver, or from before the setting was made.
  }
  const [, kind = 'Unknown', message = text] = /^([A-Za-z ]+) Error: ([^]*)$/.exec(text) ?? [];
  return new EngineFault(kind, message);
}

/** Faults that another attempt may not meet again. */
const PASSING = new Set(['Out of Memory', 'IO', 'Interrupt', 'Internal', 'Fatal']);

/**
 * A failed statement as a message a person can act on.
 * @param place what was asked for, such as `transformations.1 (filter)`
 * @param columns those the statement could have used
 */
export function nodeErrorOf(error: unknown, place: string, columns?: readonly Column[]): unknown {
  if (!(error instanceof EngineFault)) return error;
  const { kind } = error;
  const column = missingColumn(error);
  if (column !== undefined) {
    const known = columns ? ` (columns: ${namesOf(columns)})` : '';
    return new NodeError('ColumnNotFound', `${place}: column '${column}' does not exist${known}`, false);
  }
  if (kind === 'Out of Memory') {
    const message = `${place}: ran out of memory; raise DUCKDB_MEMORY_MB or DUCKDB_TEMP_DISK_MB, or use less data`;
    return new NodeError('OutOfMemory', message);
  }
  if (kind === 'Conversion' || kind === 'Out of Range') {
    return new NodeError('BadValue', `${place}: ${sentence(error)}`, false);
  }
  return new NodeError('TableError', `${place}: ${sentence(error)}`, PASSING.has(kind));
}

function missingColumn({ message, subject, subtype }: EngineFault): string | undefined {
  if (subtype === 'COLUMN_NOT_FOUND' && subject !== undefined) return subject;
  return /^(?:Table "[^]*?" does not have a column named|Referenced column) "([^]*?)"/.exec(message)?.[1];
}

/** DuckDB's first sentence without its advice on settings and candidates, which mean nothing to a node's author. */
export function sentence({ kind, message, subtype, subject }: EngineFault): string {
  if (subtype === 'MISSING_ENTRY' && subject !== undefined) {
    const what = /^(?:Scalar |Aggregate |Table )?(Function|Table|Type)/.exec(message)?.[1]?.toLowerCase();
    if (what) return `${what} '${subject}' does not exist`;
  }
  const first = message
    .split('\n')[0]!
    .replace(/[.!]?\s*(?:You might need to add explicit type casts\.)?$/, '');
  if (first === '') return `failed (${kind})`;
  return withoutPaths(first).replaceAll('INT32', 'INTEGER').replaceAll('INT64', 'BIGINT');
}

/** Paths in the engine's words are those of artifacts and scratch files: nobody's business. */
const withoutPaths = (text: string): string => text.replace(/(["'])\/[^"']*\1/g, 'a file');
