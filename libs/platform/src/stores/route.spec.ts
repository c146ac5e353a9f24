import { firstOpen, type Route } from './route.js';

const silent = (): void => undefined;
const open = (name: string): Route => ({ name, find: async () => ({ path: `/bin/${name}`, origin: name }) });
const closed = (name: string, why: string): Route => ({ name, find: () => Promise.reject(new Error(why)) });

describe('firstOpen', () => {
  it('takes the first way that is open and asks no further', async () => {
    const asked: string[] = [];
    const watched = (route: Route): Route => ({
      ...route,
      find: () => (asked.push(route.name), route.find()),
    });
    const routes = [closed('path', 'no mongod'), open('download'), open('package')].map(watched);
    expect(await firstOpen('MongoDB', routes, 'Install it.', silent)).toMatchObject({ origin: 'download' });
    expect(asked).toEqual(['path', 'download']);
  });

  it('logs in one line what it took, and why not something better', async () => {
    const lines: string[] = [];
    await firstOpen('MongoDB', [closed('on PATH', 'no mongod'), open('x')], '', (line) => lines.push(line));
    expect(lines).toEqual(['MongoDB: /bin/x (x; on PATH: no mongod)']);
  });

  it('tells every reason and what to do when all are closed', async () => {
    const routes = [closed('on PATH', 'no mongod'), closed('download', 'no network')];
    await expect(firstOpen('MongoDB', routes, 'Install it or set MONGODB_URL.', silent)).rejects.toThrow(
      'No way to get MongoDB:\n  on PATH: no mongod\n  download: no network\nInstall it or set MONGODB_URL.',
    );
  });
});
