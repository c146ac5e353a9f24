import { DomainError } from '@tauro/domain';
import { type Response } from 'express';

/**
 * What credentials get that do not count, whichever way: who tries some must not learn whether they ever counted.
 * The log has the reason.
 */
export const notValid = (): DomainError =>
  new DomainError('UNAUTHORIZED', 'The credentials are not valid (any more)');

const missing = (): DomainError =>
  new DomainError('UNAUTHORIZED', 'Authentication is required: send an API key or a bearer token');

/** The refusal of a request without valid credentials; a 401 tells in `WWW-Authenticate` which would be. */
export function challenge(res: Response, refusal?: DomainError): DomainError {
  const error = refusal ?? missing();
  if (error.code === 'UNAUTHORIZED') {
    res.setHeader('WWW-Authenticate', `Bearer realm="tauro"${refusal ? ', error="invalid_token"' : ''}`);
  }
  return error;
}
