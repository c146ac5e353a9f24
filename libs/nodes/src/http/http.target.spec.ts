import { NodeError } from '../node-kind.js';
import { httpTarget } from './http.target.js';

describe('whom an http node calls', () => {
  it.each([
    ['https://API.example.com/a?b=c', 'https://api.example.com'],
    ['https://user:word@api.example.com:443/x', 'https://api.example.com'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['nonsense', undefined],
    [7, undefined],
  ])('%s is %s', (url, name) => expect(httpTarget.of({ url })).toBe(name));

  it.each([
    ['HttpConnection', true, 'unwell'],
    ['HttpTimeout', true, 'unwell'],
    ['HttpStatus', true, 'unwell'],
    ['HttpStatus', false, 'well'],
    ['TooManyRedirects', false, 'well'],
    ['ResponseTooLarge', false, 'well'],
    ['EgressDenied', false, 'unknown'],
    ['InvalidConfig', false, 'unknown'],
  ])('%s (to be tried again: %s) says that it is %s', (type, retryable, verdict) =>
    expect(httpTarget.verdict(new NodeError(type, 'x', retryable))).toBe(verdict),
  );
});
