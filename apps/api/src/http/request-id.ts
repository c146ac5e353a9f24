import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type NextFunction, type Request, type Response } from 'express';
import { randomBytes } from 'node:crypto';

const ACCEPTED = /^[\w.-]{1,128}$/;
/** Tells processes apart; with it a counter is as unique as fresh randomness per request, and far cheaper. */
const PROCESS = randomBytes(5).toString('hex');
let count = 0;

/** Gives every request an id (the client's own when it is well-formed) and tells it back. */
export function requestId(req: Request, res: Response, next: NextFunction): void {
  const given = req.headers['x-request-id'];
  const id = typeof given === 'string' && ACCEPTED.test(given) ? given : newRequestId();
  req.id = id;
  // The logger, which comes later, takes the id from here.
  req.headers['x-request-id'] = id;
  res.setHeader('X-Request-ID', id);
  next();
}

/** Sorts by time within a process. */
export const newRequestId = (): string =>
  `req_${Date.now().toString(36)}${PROCESS}${(count++).toString(36).padStart(6, '0')}`;

export const requestIdOf = (req: { id?: unknown }): string => req.id as string;

/** The request's id, to be stored on what it creates. */
export const RequestId = createParamDecorator((_: unknown, context: ExecutionContext): string =>
  requestIdOf(context.switchToHttp().getRequest<Request>()),
);
