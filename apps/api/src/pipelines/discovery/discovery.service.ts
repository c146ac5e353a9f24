import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type DiscoveredPipeline, PipelineService } from '@tauro/orchestration';
import { Env, VARIABLES } from '@tauro/platform';
import { relative } from 'node:path';
import { type DiscoveryProblem, type DiscoveryReport } from '../../info/info.dto.js';
import { DefinitionChecker } from '../checking/definition-checker.service.js';
import { findModules, readDeclared } from './declared/read-declared.js';
import { discover } from './discover.js';
import { type Variables } from './interpolate.js';
import { describe, findSourceFiles } from './source-files.js';

/** How soon a changed file is noticed. Watching would be sooner, but misses network and container volumes. */
const LOOK_EVERY_MS = 2000;
/** How long a module that declares pipelines may take to be loaded. */
const LOADING_MS = 15_000;

/**
 * Keeps the discovered pipelines the same as the files under PIPELINES_PATH, and as what handler files declare. While a file is broken, what was
 * last read from it stays: an editor's half-saved file must not take a pipeline away.
 */
@Injectable()
export class DiscoveryService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(DiscoveryService.name);
  private timer?: NodeJS.Timeout;
  private stopped = false;
  private seen = '';
  private references: string[] = [];
  private last: DiscoveredPipeline[] = [];
  private state: DiscoveryReport;

  constructor(
    private readonly env: Env,
    private readonly pipelines: PipelineService,
    private readonly checker: DefinitionChecker,
  ) {
    const paths = env.PIPELINES_PATH;
    // It gets ready while the stores are connected to.
    if (paths.length > 0) checker.start();
    this.state = { paths, files: 0, pipelines: 0, errors: [], scanned_at: null };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.look();
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  report(): DiscoveryReport {
    return this.state;
  }

  /** One look, and then the next one; never two at a time. */
  private async look(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      // Most likely the database is away; what was found is stored with a later look.
      this.seen = '';
      this.logger.warn(`discovery could not store what it found: ${(error as Error).message}`);
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  private async refresh(): Promise<void> {
    const { HANDLERS_PATH, PIPELINES_PATH } = this.env;
    const { files, problems: unreadable } = await findSourceFiles(PIPELINES_PATH);
    const modules = await findModules(HANDLERS_PATH, PIPELINES_PATH);
    const fingerprint = async (): Promise<string> => {
      const stamps = [...files, ...modules].map(({ path, stamp }) => `${path} ${stamp}`);
      return [...stamps, ...unreadable.map(({ path }) => path), ...(await this.stampsOfReferences())].join(
        '\n',
      );
    };
    if ((await fingerprint()) === this.seen) return;
    const [maxBytes, variables] = [this.env.MAX_DEFINITION_MB * 1024 * 1024, publicVariables()];
    const declared = await readDeclared(modules, { maxBytes, variables, timeoutMs: LOADING_MS });
    const { problems, references, ...result } = await discover(files, {
      maxBytes,
      environment: process.env.TAURO_ENV ?? 'base',
      variables,
      declared,
      check: (definition) => this.checker.check(definition),
    });
    const errors = [...unreadable, ...problems];
    const found = [...result.found, ...this.keptFrom(problems, result.found)];
    await this.pipelines.syncDiscovered(found);
    this.tell(found, errors);
    this.last = found;
    this.references = references;
    this.seen = await fingerprint();
    const { paths } = this.state;
    const count = files.length + declared.length;
    this.state = { paths, files: count, pipelines: found.length, errors, scanned_at: new Date() };
  }

  private stampsOfReferences(): Promise<string[]> {
    return Promise.all(
      this.references.map(async (path) => `${path} ${(await describe(path, path))?.stamp ?? 'missing'}`),
    );
  }

  /** What was last found in the files that now have a problem. */
  private keptFrom(problems: DiscoveryProblem[], found: DiscoveredPipeline[]): DiscoveredPipeline[] {
    const broken = new Set(problems.map(({ path }) => path));
    const names = new Set(found.map(({ definition }) => definition.name.toLowerCase()));
    return this.last.filter(
      ({ path, definition }) => broken.has(path) && !names.has(definition.name.toLowerCase()),
    );
  }

  private tell(found: DiscoveredPipeline[], problems: DiscoveryProblem[]): void {
    for (const { path, field, message } of problems) {
      this.logger.error(`${relative('.', path)}: ${field ? `${field}: ` : ''}${message}`);
    }
    if (this.env.PIPELINES_PATH.length > 0) this.logger.log(`pipelines discovered: ${found.length}`);
  }
}

/** The process environment without our own secrets, which a definition would show to everybody. */
function publicVariables(): Variables {
  const secret = new Set(VARIABLES.filter((variable) => variable.secret).map(({ name }) => name));
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secret.has(name)));
}
