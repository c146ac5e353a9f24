import { Controller, Get, Headers, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { invalid } from '@tauro/domain';
import { RunLogService } from '@tauro/orchestration';
import { type Request, type Response } from 'express';
import { metaOf, Page } from '../http/envelope.js';
import { ApiErrors, ApiList } from '../http/openapi/decorators.js';
import { OpenStreams } from '../http/open-streams.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { LOG_QUERY, type LogQuery, startAfter } from './log-query.js';
import { openEventStream, writeLog } from './log-stream.js';
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
  @ApiList(LogLineDto, 'The log', { 'text/event-stream': EVENT_STREAM_EXAMPLE })
  @ApiErrors('NOT_FOUND')
  async getRunLogs(
    @Param('run_id', new IdPipe('run')) id: string,
    @QueryOf(LOG_QUERY) query: LogQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() req: Request,
    @Res() res: Response,
  ): Promise<void> {
    await this.catalog.existing(id);
    const after = startAfter(query, lastEventId);
    if (req.accepts(['text/event-stream', 'application/json']) === 'application/json') {
      const { data, meta } = await this.page(id, query, after);
      res.json({ data, meta: { ...meta, ...metaOf(req) } });
    } else {
      await this.stream(id, query, after, req, res);
    }
  }

  private async page(id: string, query: LogQuery, after: number): Promise<Page<LogLineDto>> {
    const { level, task_id, search, limit, offset = 0, cursor } = query;
    if (cursor !== undefined && query.offset !== undefined) {
      throw invalid([{ field: 'cursor', message: 'excludes offset: give one of the two', type: 'conflict' }]);
    }
    const from = Math.max(after, cursor ?? 0);
    const { lines, total } = await this.logs.page(id, { after: from, limit, offset, level, task_id, search });
    const has_more = offset + lines.length < total;
    const next_cursor = has_more ? String(lines.at(-1)?.seq ?? from) : null;
    return new Page(lines, { ...(cursor === undefined && { total }), limit, offset, has_more, next_cursor });
  }

  private async stream(
    id: string,
    query: LogQuery,
    after: number,
    req: Request,
    res: Response,
  ): Promise<void> {
    const { level, task_id, search } = query;
    const signal = this.streams.register(res);
    openEventStream(res);
    if (req.method !== 'HEAD') {
      const events = this.logs.follow(id, { after, level, task_id, search, signal });
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
