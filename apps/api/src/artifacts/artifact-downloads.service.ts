import { Injectable } from '@nestjs/common';
import { taskLabel } from '@tauro/domain';
import { type Response } from 'express';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { leaving } from '../http/leaving.js';
import { type FoundTable } from './artifact-catalog.service.js';
import { type DownloadFormat } from './artifact.list.js';
import { TableReader } from './reading/table-reader.js';

const MEDIA_TYPES: Record<DownloadFormat, string> = {
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
};

/** A client that takes nothing for so long keeps a reader for nothing. */
const STALL_MS = 60_000;

/** Sends whole tables, no faster than the client takes them, and for no longer than it wants them. */
@Injectable()
export class ArtifactDownloads {
  constructor(private readonly reader: TableReader) {}

  /** @param headOnly what would be sent is told, and nothing of it sent. @throws DomainError before the first byte */
  async send(table: FoundTable, format: DownloadFormat, res: Response, headOnly: boolean): Promise<void> {
    const begin = (): void => {
      res.status(200).set({
        'Content-Type': MEDIA_TYPES[format],
        'Content-Disposition': `attachment; filename="${fileName(table, format)}"`,
        'Cache-Control': 'no-store',
      });
    };
    try {
      if (headOnly) {
        begin();
        res.end();
      } else if (format === 'parquet') {
        await sendFile(table, begin, res);
      } else {
        const left = leaving(res);
        await this.reader.lines(table.path, format, piecesInto(res, begin, left), left);
        res.end();
      }
    } catch (error) {
      // Who has left needs no answer.
      if (!res.destroyed) throw error;
    }
  }
}

/** Opened before anything is answered: what retention removes from then on is still there to be read. */
async function sendFile({ path, artifact }: FoundTable, begin: () => void, res: Response): Promise<void> {
  const file = await open(path);
  begin();
  res.setHeader('Content-Length', artifact.bytes);
  await pipeline(createReadStream(path, { fd: file }), res);
}

/** Writes pieces of text; the headers go with the first, so that whatever fails before it is an ordinary error. */
function piecesInto(res: Response, begin: () => void, left: AbortSignal): (piece: string) => Promise<void> {
  return async (piece) => {
    if (!res.headersSent) begin();
    if (res.write(piece)) return;
    const stalled = setTimeout(() => res.destroy(), STALL_MS);
    try {
      await once(res, 'drain', { signal: left });
    } finally {
      clearTimeout(stalled);
    }
  };
}

/** `run_1-clean.csv`, and `run_1-each[3].csv` for an item of a mapped node. */
function fileName({ artifact, part }: FoundTable, format: DownloadFormat): string {
  const label = taskLabel({ ...artifact, index: artifact.index ?? null });
  return `${artifact.run_id}-${label}${part === 'table' ? '' : `-${part}`}.${format}`;
}
