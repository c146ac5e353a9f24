import { type NodeTarget, type Verdict } from '../node-kind.js';

/** What the errors of a call say; those that are not here came before anybody was asked. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  HttpConnection: 'unwell',
  HttpTimeout: 'unwell',
  TooManyRedirects: 'well',
  ResponseTooLarge: 'well',
  OutputTooLarge: 'well',
};

/**
 * The server of an `http` node, by scheme, host and port. Where a redirect leads is its affair: whoever calls it
 * gets no answer either way.
 */
export const httpTarget: NodeTarget = {
  of: ({ url }) => (typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : undefined),

  verdict({ type, retryable }) {
    // A status that a later try may change (5xx, 429, ...) is the server's trouble; any other is the caller's.
    if (type === 'HttpStatus') return retryable ? 'unwell' : 'well';
    return VERDICTS[type] ?? 'unknown';
  },
};
