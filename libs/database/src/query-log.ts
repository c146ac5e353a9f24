import { Logger } from '@nestjs/common';
import { Writable } from 'node:stream';

/** Takes what mongoose tells of every query, one a chunk, into the log. */
export function queryLog(logger = new Logger('Mongoose')): Writable {
  return new Writable({
    decodeStrings: false,
    write(query: string, _encoding, done) {
      logger.log(query.trim());
      done();
    },
  });
}
