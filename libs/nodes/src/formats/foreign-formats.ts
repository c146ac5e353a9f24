import { type ForeignFormat } from './foreign-format.js';

/** Loaded by those who need them. */
export const FOREIGN_FORMATS = {
  arrow: () => import('../arrow/format.js').then(({ arrow }) => arrow),
  xlsx: () => import('../xlsx/format.js').then(({ xlsx }) => xlsx),
} satisfies Record<string, () => Promise<ForeignFormat>>;

export type ForeignFormatName = keyof typeof FOREIGN_FORMATS;

export const isForeign = (format: string): format is ForeignFormatName =>
  Object.hasOwn(FOREIGN_FORMATS, format);
