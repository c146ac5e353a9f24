import { Signals } from '@tauro/queue';
import { Cable } from '../support/cable.js';
import { Engine } from '../support/engine.js';
import { waitFor } from '../support/wait-for.js';

describe('hints between processes', () => {
  it('are heard again after the connection they come over went silent', async () => {
    const cable = await Cable.to(process.env.TEST_REDIS_URL!);
    const near = await Engine.start();
    const far = await Engine.start(near.database, { REDIS_URL: cable.url });
    try {
      let heard = 0;
      far.app.get(Signals).onRun('run', () => heard++);
      const hears = async (): Promise<boolean> => {
        near.app.get(Signals).run('run', 'log');
        const before = heard;
        return waitFor(() => heard > before, { timeout: 500 }).catch(() => false);
      };
      await waitFor(hears, { what: 'the first hint' });
      cable.stall();
      expect(await hears()).toBe(false);
      await waitFor(hears, { what: 'a hint over another connection' });
    } finally {
      await far.stop();
      await near.stop({ drop: true });
      await cable.close();
    }
  });
});
