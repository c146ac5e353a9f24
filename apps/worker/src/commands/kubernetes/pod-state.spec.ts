import { type V1ContainerState, type V1Job, type V1Pod, type V1PodStatus } from '@kubernetes/client-node';
import { givenUp, stateOf } from './pod-state.js';

const pod = (status: V1PodStatus, state?: V1ContainerState): V1Pod => ({
  status: {
    ...status,
    ...(state && {
      containerStatuses: [
        { name: 'main', image: 'tool:1', imageID: '', ready: false, restartCount: 0, state },
      ],
    }),
  },
});

describe('how far a pod is', () => {
  it.each<[string, V1Pod, object]>([
    ['nothing is known yet', pod({ phase: 'Pending' }), { kind: 'waiting' }],
    [
      'no node takes it',
      pod({
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/3 nodes are available: 3 Insufficient memory.',
          },
        ],
      }),
      { kind: 'waiting', why: 'no node takes it: 0/3 nodes are available: 3 Insufficient memory.' },
    ],
    [
      'a first pull has failed, which may pass',
      pod({ phase: 'Pending' }, { waiting: { reason: 'ErrImagePull', message: 'timeout' } }),
      { kind: 'waiting', why: 'its image is not there yet: timeout' },
    ],
    [
      'the image cannot be had',
      pod({ phase: 'Pending' }, { waiting: { reason: 'InvalidImageName', message: 'bad name' } }),
      {
        kind: 'failed',
        error: { name: 'ImageNotFound', message: "the image 'tool:1' cannot be had: bad name" },
      },
    ],
    [
      'it cannot be configured',
      pod(
        { phase: 'Pending' },
        { waiting: { reason: 'CreateContainerConfigError', message: 'secret "x" not found' } },
      ),
      {
        kind: 'failed',
        error: { name: 'CommandFailed', retryable: false, message: expect.stringContaining('secret "x"') },
      },
    ],
    ['it runs', pod({ phase: 'Running' }, { running: {} }), { kind: 'running' }],
    [
      'it needed too much memory',
      pod({ phase: 'Failed' }, { terminated: { exitCode: 137, reason: 'OOMKilled' } }),
      { kind: 'ended', code: 137, reason: 'OOMKilled', message: '' },
    ],
    [
      'its program is not there',
      pod({ phase: 'Failed' }, { terminated: { exitCode: 128, reason: 'StartError', message: 'exec: no' } }),
      {
        kind: 'failed',
        error: { retryable: false, message: 'the container could not be started: exec: no' },
      },
    ],
    [
      'it was evicted before it began',
      pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
      {
        kind: 'failed',
        error: {
          name: 'CommandFailed',
          retryable: true,
          message: 'the cluster ended the command: Evicted: The node was low on resource: memory.',
        },
      },
    ],
  ])('%s', (_, given, state) => {
    expect(stateOf(given)).toMatchObject(state);
  });

  it('is over when the cluster has given the Job up', () => {
    const job = (reason: string): V1Job => ({
      status: { conditions: [{ type: 'Failed', status: 'True', reason, message: 'why' }] },
    });
    expect(givenUp({ status: {} })).toBeUndefined();
    expect(givenUp(job('BackoffLimitExceeded'))).toMatchObject({
      message: 'the cluster ended the Job: BackoffLimitExceeded: why',
      retryable: true,
    });
    expect(givenUp(job('DeadlineExceeded'))).toMatchObject({ retryable: false });
  });
});
