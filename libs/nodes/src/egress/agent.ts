import { Agent, buildConnector } from 'undici';
import { checkTarget, egressLookup } from './egress.js';

const agents = new Map<boolean, Agent>();

/**
 * The HTTP agent for calls on a user's behalf. The rule sits in its connector, so no redirect, pooled
 * connection or changed DNS answer gets around it. One agent per rule; its idle sockets keep no process alive.
 */
export function egressAgent(allowPrivate: boolean): Agent {
  let agent = agents.get(allowPrivate);
  if (!agent) {
    const connect = buildConnector({ lookup: egressLookup(allowPrivate), timeout: 10_000 });
    agent = new Agent({
      // Each call brings its own time limit.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, done) => {
        try {
          checkTarget(new URL(`${options.protocol}//${bracketed(options.hostname)}`), allowPrivate);
        } catch (denied) {
          return done(denied as Error, null);
        }
        connect(options, done);
      },
    });
    agents.set(allowPrivate, agent);
  }
  return agent;
}

const bracketed = (hostname: string): string =>
  hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname;
