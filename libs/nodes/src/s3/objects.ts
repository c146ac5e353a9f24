import { type ErrorDetail, type NodeDefinition } from '@tauro/domain';
import picomatch from 'picomatch';
import { connectionName } from '../connections/schema-parts.js';
import { NodeError } from '../node-kind.js';
import { endingsAsked } from '../tables/file-format.js';
import { type ObjectStore, type StoredObject } from './client.js';

const KEY = { type: 'string', minLength: 1, maxLength: 1024 };

/** How a node names objects. */
export const OBJECT_NAMES = {
  connection: connectionName('s3'),
  bucket: { type: 'string', minLength: 1, maxLength: 63, description: 'That of the connection by default.' },
};

export const SOURCE_NAMES = {
  ...OBJECT_NAMES,
  key: { ...KEY, description: 'One object.' },
  prefix: { ...KEY, description: 'All objects whose keys begin so and end like data, such as `raw/`.' },
  glob: { ...KEY, description: 'All objects whose whole keys match, such as `raw/2025-*/**/*.csv`.' },
};

const NAMING = ['key', 'prefix', 'glob'] as const;

/** Exactly one of them has to be there. */
export function namingFaults({ config = {} }: NodeDefinition): ErrorDetail[] {
  const given = NAMING.filter((one) => config[one] !== undefined);
  if (given.length === 1) return [];
  return given.length === 0
    ? [{ field: 'config.prefix', message: 'an s3 source needs key, prefix or glob', type: 'missing' }]
    : [{ field: `config.${given[1]}`, message: `give only one of ${given.join(', ')}`, type: 'value_error' }];
}

/** The objects that a source's config names, in the order of their keys. @throws NodeError when there is none. */
export async function objectsOf(
  store: ObjectStore,
  bucket: string,
  { key, prefix, glob, format }: Record<string, unknown>,
): Promise<StoredObject[]> {
  const matching = select({ key, prefix, glob, format });
  const found = (await store.list(bucket, matching.prefix)).filter((object) => matching.takes(object.key));
  if (found.length > 0) return found;
  const shown = `s3://${bucket}/${String(key ?? prefix ?? glob)}`;
  const why =
    prefix === undefined
      ? ''
      : ' that ends like data (.csv, .json, .ndjson, .parquet, .arrow, .xlsx); set format, or name objects by glob';
  throw new NodeError('FileNotFound', `'${shown}': there is no object${why}`, false);
}

function select({ key, prefix, glob, format }: Record<string, unknown>): {
  prefix: string;
  takes(key: string): boolean;
} {
  if (typeof key === 'string') return { prefix: key, takes: (one) => one === key };
  if (typeof glob === 'string') {
    const matches = picomatch(glob, { nonegate: true });
    return {
      prefix: /^[^*?[\]{}()!+@\\]*/.exec(glob)![0],
      takes: (one) => !one.endsWith('/') && matches(one),
    };
  }
  const endings = endingsAsked(format);
  const isData = (one: string): boolean => {
    const name = one.slice(one.lastIndexOf('/') + 1).toLowerCase();
    return !/^[._]/.test(name) && endings.some((ending) => name.endsWith(ending));
  };
  return { prefix: String(prefix), takes: isData };
}
