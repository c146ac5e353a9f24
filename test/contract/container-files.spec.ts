import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { VARIABLES } from '@tauro/platform';
import { parse } from 'yaml';

/* eslint-disable @typescript-eslint/no-explicit-any -- a YAML document */

const ROOT = resolve(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** No container engine takes part in these tests: they check what the files say, not what an engine makes of it. */
describe('docker-compose.yml', () => {
  const compose: any = parse(read('docker-compose.yml'), { merge: true });
  const { api, worker, mongo, redis } = compose.services;

  it('has the four services, each with a health check and a restart policy', () => {
    expect(Object.keys(compose.services).sort()).toEqual(['api', 'mongo', 'redis', 'worker']);
    for (const service of [worker, mongo, redis]) expect(service.healthcheck.test[0]).toMatch(/^CMD/);
    for (const service of [api, worker, mongo, redis]) expect(service.restart).toBe('unless-stopped');
    expect(read('Dockerfile')).toContain('HEALTHCHECK');
  });

  it('publishes the API to this machine only, and the stores to nobody', () => {
    expect(api.ports).toHaveLength(1);
    expect(api.ports[0]).toMatch(/^127\.0\.0\.1:/);
    for (const service of [worker, mongo, redis]) expect(service).not.toHaveProperty('ports');
  });

  it('lets workers be scaled: no fixed container name, no published port', () => {
    expect(worker).not.toHaveProperty('container_name');
    expect(worker.command.at(-1)).toBe('/app/dist/apps/worker/src/main.js');
  });

  it('waits for healthy stores: a replica set, and a Redis that forgets nothing', () => {
    for (const service of [api, worker]) {
      expect(service.depends_on).toEqual({
        mongo: { condition: 'service_healthy' },
        redis: { condition: 'service_healthy' },
      });
    }
    expect(mongo.command).toEqual(expect.arrayContaining(['--replSet', 'rs0']));
    expect(mongo.healthcheck.test.at(-1)).toContain('rs.initiate');
    expect(redis.command.join(' ')).toMatch(/--appendonly yes --maxmemory-policy noeviction/);
  });

  it('keeps data in named volumes, and artifacts where API and workers both see them', () => {
    for (const service of [api, worker, mongo, redis]) {
      const named = service.volumes.map((volume: string) => volume.split(':')[0]);
      expect(named.some((name: string) => name in compose.volumes)).toBe(true);
    }
    expect(api.volumes).toEqual(worker.volumes);
  });

  it('sets only variables that exist', () => {
    const known = new Set([...VARIABLES.map((variable) => variable.name), 'NODE_ENV']);
    for (const service of [api, worker]) {
      expect(Object.keys(service.environment).filter((name) => !known.has(name))).toEqual([]);
    }
    const inImage = [...read('Dockerfile').matchAll(/^\s+(?:ENV )?([A-Z_]+)=\S+ ?\\?$/gm)].map(
      (match) => match[1]!,
    );
    expect(inImage.length).toBeGreaterThan(3);
    expect(inImage.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('builds in stages, leaves development packages behind and runs as nobody special', () => {
    expect(dockerfile.match(/^FROM /gm)!.length).toBeGreaterThanOrEqual(2);
    expect(dockerfile).toMatch(/npm ci --omit=dev/);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^ENTRYPOINT \["tini"/m);
  });

  it('has every file that the build needs', () => {
    const stage = dockerfile.slice(dockerfile.indexOf('AS build'), dockerfile.indexOf('RUN npm run build'));
    const copied = [...stage.matchAll(/^COPY (.+)$/gm)].flatMap((match) => match[1]!.split(' ').slice(0, -1));
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { build: string } };
    const needed = [
      ...scripts.build.matchAll(/[\w/.-]+\.mjs\b/g),
      ...read('nest-cli.json').matchAll(/tsconfig[\w.]+/g),
    ];
    expect(needed.length).toBeGreaterThan(1);
    for (const [file] of needed) {
      expect([file, copied.some((path) => file === path || file.startsWith(`${path}/`))]).toEqual([
        file,
        true,
      ]);
    }
  });

  it('copies only what exists and what .dockerignore lets through', () => {
    const allowed = new Set([...read('.dockerignore').matchAll(/^!(.+)$/gm)].map((match) => match[1]!));
    for (const [, what] of dockerfile.matchAll(/^COPY (?!--)(.+)$/gm)) {
      for (const path of what!.split(' ').slice(0, -1)) {
        expect([path, existsSync(join(ROOT, path)), allowed.has(path)]).toEqual([path, true, true]);
      }
    }
  });
});
