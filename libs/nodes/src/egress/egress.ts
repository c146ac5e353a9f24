import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { NodeError } from '../node-kind.js';
import { classifyAddress } from './addresses.js';

/** Names of metadata services, refused before anyone is asked where they are. */
const METADATA_NAMES = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data']);

/** A call that the egress rule forbids. Repeating it would not help. */
export class EgressDenied extends NodeError {
  constructor(host: string, reason: string) {
    super('EgressDenied', `calls to ${host} are not allowed: ${reason}`, false);
  }
}

/**
 * Refuses a URL by what can be seen in it: scheme, metadata names, addresses written as such (URL turns
 * `http://2130706433` and `http://0177.1` into 127.0.0.1). Names are judged again once they are resolved.
 * @throws EgressDenied
 */
export function checkTarget(url: URL, allowPrivate: boolean): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new EgressDenied(url.protocol + '//…', 'only http and https are');
  }
  const host = hostOf(url.hostname);
  if (METADATA_NAMES.has(host)) throw new EgressDenied(host, 'it is a cloud metadata service');
  if (isIP(host) !== 0) checkAddress(host, host, allowPrivate);
}

function checkAddress(address: string, host: string, allowPrivate: boolean): void {
  const kind = classifyAddress(address);
  if (kind === 'public' || (kind === 'private' && allowPrivate)) return;
  const named = address === host ? host : `${host} (${address})`;
  throw new EgressDenied(
    named,
    kind === 'metadata'
      ? 'it is a cloud metadata address'
      : 'it is a private or loopback address (EGRESS_ALLOW_PRIVATE=true allows those)',
  );
}

/**
 * A DNS look-up that yields only addresses which may be called. One forbidden address condemns the name:
 * a mix of public and private answers is how rebinding attacks look.
 */
export function egressLookup(allowPrivate: boolean, resolve: typeof dnsLookup = dnsLookup): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) return done(error, '');
      try {
        for (const { address } of addresses) checkAddress(address, host, allowPrivate);
      } catch (denied) {
        return done(denied as Error, '');
      }
      if (options.all) return done(null, addresses);
      const first = addresses[0];
      done(null, first.address, first.family);
    });
  };
}

/**
 * The address of a host that is called by another protocol than HTTP, under the same rule. A client that is given the
 * address asks nobody again, so no second answer gets around it.
 * @throws EgressDenied, or what the look-up throws.
 */
export async function allowedAddress(host: string, allowPrivate: boolean): Promise<string> {
  const name = hostOf(host);
  if (METADATA_NAMES.has(name)) throw new EgressDenied(name, 'it is a cloud metadata service');
  if (isIP(name) !== 0) {
    checkAddress(name, name, allowPrivate);
    return name;
  }
  return new Promise((resolve, reject) => {
    egressLookup(allowPrivate)(name, {}, (error, address) =>
      error ? reject(error) : resolve(String(address)),
    );
  });
}

const hostOf = (hostname: string): string =>
  hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
