import { types } from 'node:util';
import { NodeError } from '../node-kind.js';
import { type Told, told, toldDouble, toldText } from '../tables/told-value.js';

const LONG = 2n ** 63n;

/**
 * A value of JavaScript as a value of a table: integers are `BIGINT`, a `Date` is a time in UTC, bytes are a `BLOB`,
 * lists and objects are `JSON`, and nothing is NULL.
 * @param place for messages
 * @param declared the type that its column is to have
 * @throws NodeError for what no table can hold
 */
export function tellJs(value: unknown, place: string, declared?: string): Told {
  switch (typeof value) {
    case 'undefined':
      return told('null', 'null');
    case 'boolean':
      return told('bool', String(value));
    case 'string':
      return toldText('text', value);
    case 'number':
      // Of a larger one nobody knows whether it is the integer that was meant.
      return Number.isSafeInteger(value) ? told('long', String(value)) : toldDouble(value);
    case 'bigint':
      return value >= -LONG && value < LONG
        ? told('long', String(value))
        : toldText('decimal', String(value));
    case 'object':
      return value === null ? told('null', 'null') : tellObject(value, place, declared);
    default:
      throw new NodeError('BadValue', `${place} is a ${typeof value}, which no table can hold`, false);
  }
}

function tellObject(value: object, place: string, declared?: string): Told {
  if (types.isDate(value)) {
    if (Number.isNaN(value.getTime())) throw new NodeError('BadValue', `${place} is an invalid Date`, false);
    const text = value.toISOString();
    // JSON is read as a DATE only when there is no time behind it.
    return toldText('date', declared?.toUpperCase() === 'DATE' ? text.slice(0, 10) : text);
  }
  if (types.isUint8Array(value)) return toldText('binary', Buffer.from(value).toString('hex'));
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return tellJs((value.toJSON as () => unknown)(), place, declared);
  }
  try {
    return told('nested', JSON.stringify(value, exactly));
  } catch (error) {
    throw new NodeError('BadValue', `${place} is no JSON: ${(error as Error).message}`, false);
  }
}

const exactly = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value;
