import { formatOf, type NativeFormat } from '../tables/file-format.js';

/** The options of a `COPY` that writes a file. @param target tells by its endings how it is separated and compressed */
export function formatOptions(format: NativeFormat, target: string, header: boolean): string {
  const compression = formatOf(target).compression;
  const packed = compression ? `, COMPRESSION ${compression}` : '';
  switch (format) {
    case 'csv':
      return `FORMAT csv, HEADER ${header}, DELIMITER ${formatOf(target).ending === '.tsv' ? "'\t'" : "','"}${packed}`;
    case 'json':
      return `FORMAT json, ARRAY true${packed}`;
    case 'ndjson':
      return `FORMAT json${packed}`;
    case 'parquet':
      return 'FORMAT parquet, COMPRESSION zstd';
  }
}
