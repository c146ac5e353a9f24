import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { AuditEntry, type Public } from '@tauro/database';
import { type Response } from 'express';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Authenticated } from '../auth/access.decorator.js';
import { ApiData, ApiErrors, ApiLines, ApiList } from '../http/openapi/decorators.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { AUDIT_EXAMPLE } from './audit.examples.js';
import { AUDIT_QUERY, conditionsOf, EXPORT_QUERY } from './audit.list.js';
import { AuditLog } from './audit-log.service.js';

/** Who did what. There is nothing here to change or to remove an entry by. */
@ApiTags('audit')
@Controller('api/v1/audit')
export class AuditController {
  constructor(private readonly log: AuditLog) {}

  /** List what was done and what was refused, the newest first */
  @Get()
  @Authenticated('audit:read')
  @ApiList(AuditEntry)
  listAudit(@QueryOf(AUDIT_QUERY) query: ListQuery) {
    return this.log.list(query);
  }

  /** Download all entries that fit, the oldest first, one JSON object a line */
  @Get('export')
  @Authenticated('audit:read')
  @ApiLines('Entries', `${JSON.stringify(AUDIT_EXAMPLE)}\n`)
  async exportAudit(
    @QueryOf(EXPORT_QUERY) filters: Record<string, unknown>,
    @Res() res: Response,
  ): Promise<void> {
    const entries = this.log.all(conditionsOf(filters));
    // The first is asked for before anything is answered, so that a database that is away is a 503.
    const first = await entries.next();
    res.status(200).set({
      'Content-Type': 'application/x-ndjson; charset=utf-8',
      'Content-Disposition': 'attachment; filename="audit.ndjson"',
      'Cache-Control': 'no-store',
    });
    async function* lines(): AsyncGenerator<string> {
      if (first.done) return;
      yield lineOf(first.value);
      for await (const entry of entries) yield lineOf(entry);
    }
    try {
      // Reads no faster than the client takes it.
      await pipeline(Readable.from(lines()), res);
    } catch (error) {
      // Who has left needs no answer.
      if (!res.destroyed) throw error;
    }
  }

  /** Get an entry */
  @Get(':entry_id')
  @Authenticated('audit:read')
  @ApiData(AuditEntry)
  @ApiErrors('NOT_FOUND')
  getAuditEntry(@Param('entry_id', new IdPipe('aud', 'entry_id')) id: string) {
    return this.log.get(id);
  }
}

const lineOf = (entry: Public<AuditEntry>): string => `${JSON.stringify(entry)}\n`;
