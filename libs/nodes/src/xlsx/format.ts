import { type ForeignFormat } from '../formats/foreign-format.js';
import { ident } from '../tables/sql-text.js';
import { readSheet } from './read.js';
import { cellKindOf, writeSheet } from './write.js';

/** The sheets of Excel. */
export const xlsx: ForeignFormat = {
  read: readSheet,
  text: (column) => cellKindOf(column).text(ident(column.name)),
  write: writeSheet,
};
