/** What a value is to a column. */
export type Kind =
  | 'null'
  | 'bool'
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'text'
  | 'id'
  | 'date'
  | 'uuid'
  | 'binary'
  | 'nested';

/** A value as JSON text, and what it is. Bytes are hexadecimal digits, exact numbers may stand as texts. */
export interface Told {
  kind: Kind;
  json: string;
}

export const told = (kind: Kind, json: string): Told => ({ kind, json });

export const toldText = (kind: Kind, value: string): Told => told(kind, JSON.stringify(value));

/** JSON has no NaN. */
export const toldDouble = (value: number): Told =>
  Number.isFinite(value) ? told('double', String(value)) : toldText('double', String(value));
