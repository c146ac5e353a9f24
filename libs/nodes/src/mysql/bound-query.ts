import { type Dialect, type Prepared, preparedOf } from '../source/prepared-query.js';

/** In which a backslash keeps a quote from ending a text, and a comment begins with `#`, too. */
const MYSQL: Dialect = {
  quoted: /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`[^`]*`|--(?=\s|$)[^\r\n]*|#[^\r\n]*/,

  cast: (value, type) => {
    // A text among texts needs no cast, and one would have a collation of its own.
    if (type === 'VARCHAR') return value;
    return type.startsWith('TIMESTAMP') ? `TIMESTAMP(${value})` : `CAST(${value} AS ${type})`;
  },
};

/** A query of a config for the server. */
export const queryOf = (query: unknown): Prepared => preparedOf(query, MYSQL);
