import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { RunLogService } from '@tauro/orchestration';
import { type Request, type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { metaOf, Page } from '../http/envelope.js';
import { blockedBy, openEventStream } from '../http/event-stream.js';
import { ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { OpenStreams } from '../http/open-streams.js';
import { IdPipe } from '../http/path-params.js';
import { pick } from '../http/paging/find-page.js';
import { encodePlace } from '../http/paging/keyset.js';
import { type ListQuery } from '../http/paging/list-query.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { filtersOf, LastEventId, LOG_QUERY, startAfter } from './log-query.js';
import { writeLog } from './log-stream.js';
import { RunCatalog } from './run-catalog.service.js';
import { LogLineDto } from './run.dto.js';
import { EVENT_STREAM_EXAMPLE } from './run.examples.js';

@ApiTags('runs')
@Controller('api/v1/runs/:run_id/logs')
export class LogsController {
  constructor(
    private readonly catalog: RunCatalog,
    private readonly logs: RunLogService,
    private readonly streams: OpenStreams,
  ) {}

  /** Follow a run's log as server-sent events until it ends, or page through it with `Accept: application/json` */
  @Get()
  @Authenticated('runs:read')
  @ApiList(LogLineDto, 'The log', { 'text/event-stream': EVENT_STREAM_EXAMPLE })
  @ApiErrors('NOT_FOUND')
  async getRunLogs(
    @Param('run_id', new IdPipe('run')) id: string,
    @QueryOf(LOG_QUERY) query: ListQuery,
    @LastEventId() lastEventId: string | undefined,
    @Req() req: Request,
    @Res() res: Response,
  ): Promise<void> {
    await this.catalog.existing(id);
    const after = startAfter(filtersOf(query), lastEventId);
    if (req.accepts(['text/event-stream', 'application/json']) === 'application/json') {
      const { data, meta } = await this.page(id, query, after);
      res.json({ data, meta: { ...meta, ...metaOf(req) } });
    } else {
      await this.stream(id, query, after, req, res);
    }
  }

  private async page(id: string, query: ListQuery, after: number): Promise<Page<Partial<LogLineDto>>> {
    const { limit, offset, order, fields, includeTotal } = query;
    const { level, task_id, search } = filtersOf(query);
    const backwards = order[0]!.descending;
    const seen = query.cursor && 'values' in query.cursor ? Number(query.cursor.values[0]) : undefined;
    const { lines, total } = await this.logs.page(id, {
      ...{ level, task_id, search, after, offset, backwards, count: includeTotal },
      limit: limit + 1,
      ...(seen !== undefined && (backwards ? { before: seen } : { from: Math.max(seen, after) })),
    });
    const shown = lines.slice(0, limit).map((line) => ({ id: String(line.seq), ...line }));
    const has_more = lines.length > limit;
    const last = shown.at(-1);
    const next_cursor = has_more ? encodePlace({ order, values: [last!.seq], id: last!.id }) : null;
    const counted = total !== undefined && { total };
    return new Page(
      shown.map((line) => pick(line, fields)),
      { ...counted, limit, offset, has_more, next_cursor },
    );
  }

  private async stream(
    id: string,
    query: ListQuery,
    after: number,
    req: Request,
    res: Response,
  ): Promise<void> {
    const { level, task_id, search } = filtersOf(query);
    const signal = this.streams.register(res);
    openEventStream(res);
    if (req.method !== 'HEAD') {
      const blocked = () => blockedBy(res, signal);
      const events = this.logs.follow(id, { after, level, task_id, search, signal, blocked });
      await writeLog(res, events, signal, () => this.finalState(id));
    }
    res.end();
  }

  private async finalState(id: string) {
    return this.catalog.existing(id).then(
      (run) => run.state,
      () => undefined,
    );
  }
}
