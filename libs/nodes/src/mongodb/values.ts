import { Binary, BSON, BSONRegExp, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from 'mongodb';
import { type Told, told, toldDouble, toldText as text } from '../tables/told-value.js';

/** Subtype of a UUID. */
const UUID = Binary.SUBTYPE_UUID;

/** A value of a document as JSON in which no number is rounded. */
export function tell(value: unknown): Told {
  if (value === null || value === undefined) return told('null', 'null');
  if (typeof value === 'string') return text('text', value);
  if (typeof value === 'boolean') return told('bool', String(value));
  if (value instanceof Int32) return told('int', String(value.value));
  // A time stamp of the replication is a Long, too.
  if (value instanceof Timestamp)
    return told('nested', JSON.stringify({ t: value.getHighBitsUnsigned(), i: value.getLowBitsUnsigned() }));
  if (value instanceof Long) return told('long', value.toString());
  if (value instanceof Double) return toldDouble(value.value);
  if (typeof value === 'number') return toldDouble(value);
  if (value instanceof Decimal128) return decimal(value.toString());
  if (value instanceof ObjectId) return text('id', value.toHexString());
  if (value instanceof Date) return text('date', value.toISOString());
  if (value instanceof Binary) return binary(value);
  if (Array.isArray(value)) return told('nested', `[${value.map((item) => tell(item).json).join(',')}]`);
  if (isPlain(value)) {
    const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${tell(item).json}`);
    return told('nested', `{${fields.join(',')}}`);
  }
  if (value instanceof BSONRegExp) return text('text', `/${value.pattern}/${value.options}`);
  return told('nested', BSON.EJSON.stringify(value));
}

/** Not one of the driver's classes. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

const decimal = (value: string): Told => text(/\d/.test(value) ? 'decimal' : 'double', value);

const binary = (value: Binary): Told =>
  value.sub_type === UUID
    ? text('uuid', value.toUUID().toHexString())
    : text('binary', Buffer.from(value.value()).toString('hex'));
