import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { notFound } from '@tauro/domain';
import { Collections, type Position, StateEvents, type StateNews } from '@tauro/orchestration';
import { type Request, type Response } from 'express';
import { Authenticated } from '../auth/access.decorator.js';
import { currentScope } from '../auth/principal.js';
import { blockedBy, openEventStream } from '../http/event-stream.js';
import { ApiErrors, ApiEventStream } from '../http/openapi/decorators.js';
import { OpenStreams } from '../http/open-streams.js';
import { IdPipe } from '../http/path-params.js';
import { QueryOf } from '../http/query/query-of.decorator.js';
import { EVENTS_QUERY, type EventsQuery, LastEvent, matcherOf, RUN_EVENTS_QUERY } from './event-query.js';
import { EVENTS_EXAMPLE, RUN_EVENTS_EXAMPLE } from './event.examples.js';
import { END, writeNews } from './state-stream.js';

@ApiTags('events')
@Controller('api/v1')
export class EventsController {
  constructor(
    private readonly events: StateEvents,
    private readonly stored: Collections,
    private readonly streams: OpenStreams,
  ) {}

  /** Follow changes of state of runs, and of their tasks, as server-sent events */
  @Get('events')
  @Authenticated('runs:read')
  @ApiEventStream('Each change as it happens', EVENTS_EXAMPLE)
  @ApiErrors('NOT_FOUND')
  async getEvents(
    @QueryOf(EVENTS_QUERY) query: EventsQuery,
    @LastEvent() lastEvent: Position | undefined,
    @Req() req: Request,
    @Res() res: Response,
  ): Promise<void> {
    const scope = currentScope();
    const { project_id, include, last_event_id } = query;
    if (project_id) await this.knownProject(project_id, scope);
    const following = {
      after: last_event_id ?? lastEvent,
      withTasks: include === 'tasks',
      matches: matcherOf(query, scope),
    };
    await this.stream(req, res, (reader) => this.events.follow({ ...following, ...reader }));
  }

  /** Follow how a run and its tasks stand, as server-sent events, until the run has ended */
  @Get('runs/:run_id/events')
  @Authenticated('runs:read')
  @ApiEventStream('How each task and the run stand, then each change as it happens', RUN_EVENTS_EXAMPLE)
  @ApiErrors('NOT_FOUND')
  async getRunEvents(
    @Param('run_id', new IdPipe('run')) id: string,
    @QueryOf(RUN_EVENTS_QUERY) { last_event_id }: { last_event_id?: Position },
    @LastEvent() lastEvent: Position | undefined,
    @Req() req: Request,
    @Res() res: Response,
  ): Promise<void> {
    const run = await this.stored.runs.findOne({ _id: id }, { projection: { project_id: 1 } });
    const scope = currentScope();
    if (!run || (scope && !scope.includes(run.project_id))) throw notFound('run', id);
    const after = last_event_id ?? lastEvent;
    await this.stream(req, res, (reader) => this.events.followRun(id, { after, ...reader }), END);
  }

  private async knownProject(id: string, scope: readonly string[] | null): Promise<void> {
    const project =
      (!scope || scope.includes(id)) &&
      (await this.stored.projects.findOne({ _id: id }, { projection: { _id: 1 } }));
    if (!project) throw notFound('project', id);
  }

  private async stream(
    req: Request,
    res: Response,
    open: (reader: Reader) => AsyncIterable<StateNews>,
    end?: string,
  ): Promise<void> {
    const signal = this.streams.register(res);
    openEventStream(res);
    if (req.method !== 'HEAD') {
      await writeNews(res, open({ signal, blocked: () => blockedBy(res, signal) }), signal);
      if (end && !signal.aborted) res.write(end);
    }
    res.end();
  }
}

interface Reader {
  signal: AbortSignal;
  blocked: () => Promise<void> | undefined;
}
