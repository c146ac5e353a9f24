import { type DestinationStream } from 'pino';
import pinoPretty, { prettyFactory, type PrettyOptions } from 'pino-pretty';

function options(colorize: boolean): PrettyOptions {
  return {
    colorize,
    messageKey: 'message',
    timestampKey: 'timestamp',
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'logger',
    messageFormat: (log, messageKey) => {
      const message = String(log[messageKey] ?? '');
      return typeof log.logger === 'string' ? `[${log.logger}] ${message}` : message;
    },
    customLevels: 'DEBUG:20,INFO:30,WARNING:40,ERROR:50,CRITICAL:60',
    useOnlyCustomProps: true,
    singleLine: true,
  };
}

/** Log lines as text on standard output. */
export function prettyStream(): DestinationStream {
  return pinoPretty({ ...options(process.stdout.isTTY || process.env.FORCE_COLOR === '1'), sync: true });
}

/** Turns a JSON log line into text; anything else stays as it is. */
export function prettyLines(colorize: boolean): (line: string) => string {
  const pretty = prettyFactory(options(colorize));
  return (line) => pretty(line).trimEnd();
}
