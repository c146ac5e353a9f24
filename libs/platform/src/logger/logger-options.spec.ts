import pino from 'pino';

import { lineOptions } from './logger-options.js';

type Line = Record<string, unknown>;

/** A logger whose lines can be read back. */
function recording(level: 'DEBUG' | 'INFO' | 'WARNING', debug = false): { log: pino.Logger; lines: Line[] } {
  const lines: Line[] = [];
  const log = pino(lineOptions({ LOG_LEVEL: level, DEBUG: debug }), {
    write: (line) => void lines.push(JSON.parse(line) as Line),
  });
  return { log, lines };
}

describe('a log line', () => {
  it('has the fields of the API document and no others', () => {
    const { log, lines } = recording('INFO');
    log.info({ logger: 'RunService', request_id: 'req_1', run_id: 'run_1', duration_ms: 45 }, 'Run started');
    expect(lines).toEqual([
      {
        level: 'INFO',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        logger: 'RunService',
        request_id: 'req_1',
        run_id: 'run_1',
        duration_ms: 45,
        message: 'Run started',
      },
    ]);
  });

  it('names its level as the document does', () => {
    const { log, lines } = recording('DEBUG');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    log.fatal('e');
    expect(lines.map((line) => line.level)).toEqual(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']);
  });

  it('is written from LOG_LEVEL on, and always with DEBUG', () => {
    const quiet = recording('WARNING');
    quiet.log.info('not this');
    quiet.log.warn('this');
    expect(quiet.lines.map((line) => line.message)).toEqual(['this']);

    const debugging = recording('WARNING', true);
    debugging.log.debug('this too');
    expect(debugging.lines).toHaveLength(1);
  });

  it("leaves out Nest's inventory of modules and routes, unless somebody debugs", () => {
    const boot = (log: pino.Logger): void => {
      log.info({ logger: 'InstanceLoader' }, 'RunsModule dependencies initialized');
      log.error({ logger: 'InstanceLoader' }, 'a module is missing');
    };
    const usual = recording('INFO');
    boot(usual.log);
    expect(usual.lines.map((line) => line.message)).toEqual(['a module is missing']);
    const debugging = recording('DEBUG');
    boot(debugging.log);
    expect(debugging.lines).toHaveLength(2);
  });

  it('shows an error with its cause, but not the secrets in it', () => {
    const { log, lines } = recording('INFO');
    const cause = new Error('cannot reach mongodb://root:hunter2@db/tauro');
    log.error({ err: new Error('boot failed', { cause }), config: { SECRET_KEY: 'hunter2' } }, 'gave up');
    expect(JSON.stringify(lines)).toContain('boot failed');
    expect(JSON.stringify(lines)).toContain('mongodb://[redacted]@db/tauro');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});
