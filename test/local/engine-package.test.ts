import { describe, expect, it } from 'vitest';
import { bringEngine, engineBinary, type Machine } from '../../local/engine-package.ts';
import packageJson from '../../package.json' with { type: 'json' };

/** A machine of this platform, with these packages in its node_modules. */
function aMachine(platform: string, arch: string, installed: string[] = []): Machine {
  return {
    platform,
    arch,
    resolve(file) {
      const name = installed.find((one) => file.startsWith(`${one}/`));
      if (name === undefined) throw new Error(`Cannot find module '${file}'`);
      return `/node_modules/${file}`;
    },
  };
}

const VERSION = packageJson.optionalDependencies['@dynoxide/linux-x64'];
const MISSING =
  'The embedded DynamoDB for darwin-arm64 is not installed. This brings it: ' +
  `npm install --no-save @dynoxide/darwin-arm64@${VERSION}. ` +
  'Or start a DynamoDB of your own, such as DynamoDB Local, and name it in DYNAMODB_ENDPOINT.';

describe('the engine', () => {
  it.each([
    ['linux', 'x64', '@dynoxide/linux-x64', 'dynoxide'],
    ['linux', 'arm64', '@dynoxide/linux-arm64', 'dynoxide'],
    ['darwin', 'x64', '@dynoxide/darwin-x64', 'dynoxide'],
    ['darwin', 'arm64', '@dynoxide/darwin-arm64', 'dynoxide'],
    ['win32', 'x64', '@dynoxide/win32-x64', 'dynoxide.exe'],
  ])('of %s on %s is the one that npm installed for it', (platform, arch, name, file) => {
    expect(engineBinary(aMachine(platform, arch, [name]))).toBe(`/node_modules/${name}/${file}`);
  });

  it('that is not installed is told in one sentence, with the command that brings it in this version', () => {
    expect(() => engineBinary(aMachine('darwin', 'arm64', ['@dynoxide/linux-x64']))).toThrow(MISSING);
    expect(() => engineBinary(aMachine('freebsd', 'x64'))).toThrow(
      'There is no embedded DynamoDB for freebsd-x64. Start a DynamoDB of your own, such as DynamoDB Local',
    );
  });
});

describe('npm start on a machine without its engine', () => {
  /** What was asked, and what npm was told to install. */
  async function started(machine: Machine, agrees: boolean | undefined, arrives = true) {
    const asked: string[] = [];
    const installed: string[] = [];
    const here = { ...machine };
    const outcome = await bringEngine({
      machine: here,
      confirm:
        agrees === undefined
          ? undefined
          : async (question) => {
              asked.push(question);
              return agrees;
            },
      async install(name) {
        installed.push(name);
        if (arrives) here.resolve = (file) => `/node_modules/${file}`;
      },
    }).then(
      () => 'starts',
      (error: Error) => error.message,
    );
    return { asked, installed, outcome };
  }
  const mac = aMachine('darwin', 'arm64');

  it('asks, brings it if the person agrees, and starts', async () => {
    expect(await started(mac, true)).toEqual({
      asked: [
        `The embedded DynamoDB for darwin-arm64 is not installed. Bring it now, by npm install --no-save @dynoxide/darwin-arm64@${VERSION}?`,
      ],
      installed: [`@dynoxide/darwin-arm64@${VERSION}`],
      outcome: 'starts',
    });
  });

  it('installs nothing where the person does not agree, or nobody is there to be asked', async () => {
    expect(await started(mac, false)).toMatchObject({ installed: [], outcome: MISSING });
    expect(await started(mac, undefined)).toEqual({ asked: [], installed: [], outcome: MISSING });
  });

  it('says so where npm brought nothing, and asks nobody where there is nothing to bring', async () => {
    expect(await started(mac, true, false)).toMatchObject({ outcome: MISSING });
    const bsd = await started(aMachine('freebsd', 'x64'), true);
    expect(bsd).toMatchObject({ asked: [], outcome: expect.stringContaining('for freebsd-x64') });
  });

  it('asks nobody where it is there', async () => {
    const machine = aMachine('linux', 'x64', ['@dynoxide/linux-x64']);
    expect(await started(machine, true)).toEqual({ asked: [], installed: [], outcome: 'starts' });
  });
});
