import type Docker from 'dockerode';
import { type FoundContainer } from '../executors/command-protocol.js';
import { LABELS } from './run-container.js';

/** The engine that DOCKER_HOST names, or the usual socket. Its client is loaded by who needs it only. */
export async function engine(): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  return new Client();
}

/** The containers of this deployment, running or not. */
export async function containersOf(docker: Docker, deployment: string): Promise<FoundContainer[]> {
  const filters = { label: [`${LABELS.deployment}=${deployment}`] };
  const found = await docker.listContainers({ all: true, filters });
  return found.map(({ Id, Labels }) => ({
    id: Id,
    task_id: Labels[LABELS.task] ?? '',
    claim_id: Labels[LABELS.claim] ?? '',
  }));
}

/** Ends and removes containers; one that is gone already is fine. */
export async function removeContainers(docker: Docker, ids: string[]): Promise<void> {
  for (const id of ids) {
    await docker
      .getContainer(id)
      .remove({ force: true, v: true })
      .catch((error: { statusCode?: number }) => {
        // Somebody else is at it, or was.
        if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
      });
  }
}
