import { DomainError } from '@tauro/domain';
import { type Response } from 'express';

/**
 * A signal that fires when the client has its answer, or does not want it any more: whatever still works for it may stop.
 * Its reason is an error that is nobody's fault, so nobody is told of it.
 */
export function leaving(res: Response): AbortSignal {
  const left = new AbortController();
  const leave = (): void => left.abort(new DomainError('BAD_REQUEST', 'The client has left'));
  if (res.destroyed) leave();
  else res.once('close', leave);
  return left.signal;
}
