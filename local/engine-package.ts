import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import packageJson from '../package.json' with { type: 'json' };

/** The machine for which the engine is, and where packages are. Tests pretend other ones. */
export interface Machine {
  platform: string;
  arch: string;
  /** The path of a file of an installed package. @throws where it is not installed. */
  resolve(file: string): string;
}

const THIS_MACHINE: Machine = {
  platform: process.platform,
  arch: process.arch,
  resolve: createRequire(import.meta.url).resolve,
};

/** The platforms of dynoxide's own list of packages, by Node's names. Those for Linux need no libc. */
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'];

/** All of them are published together. */
const VERSION = packageJson.optionalDependencies['@dynoxide/linux-x64'];

const OWN_DYNAMODB = 'a DynamoDB of your own, such as DynamoDB Local, and name it in DYNAMODB_ENDPOINT.';

/** @returns the package of the engine with its version; undefined where there is none for this machine. */
function enginePackage({ platform, arch }: Machine): string | undefined {
  const name = `${platform}-${arch}`;
  return PLATFORMS.includes(name) ? `@dynoxide/${name}@${VERSION}` : undefined;
}

/** Of npm. `--no-save`: the lock file is for all platforms, and stays as it is. */
const installArguments = (name: string) => ['install', '--no-save', '--no-audit', '--no-fund', name];

/**
 * The path of the engine that npm has installed for this machine.
 *
 * @throws an Error that says how to get it.
 */
export function engineBinary(machine = THIS_MACHINE): string {
  const { platform, arch } = machine;
  try {
    return machine.resolve(`@dynoxide/${platform}-${arch}/dynoxide${platform === 'win32' ? '.exe' : ''}`);
  } catch (error) {
    const name = enginePackage(machine);
    throw new Error(
      name === undefined
        ? `There is no embedded DynamoDB for ${platform}-${arch}. Start ${OWN_DYNAMODB}`
        : `The embedded DynamoDB for ${platform}-${arch} is not installed. This brings it: npm install --no-save ${name}. Or start ${OWN_DYNAMODB}`,
      { cause: error },
    );
  }
}

/**
 * Brings the engine where it is missing and the person agrees; does nothing where it is there.
 *
 * @param options.confirm asks the person; undefined where nobody is there to be asked.
 * @throws an Error that says how to get the engine, where it is missing still, or that npm could not get it.
 */
export async function bringEngine({
  confirm,
  machine = THIS_MACHINE,
  install = installByNpm,
}: {
  confirm: ((question: string) => Promise<boolean>) | undefined;
  machine?: Machine;
  install?: (name: string) => Promise<void>;
}): Promise<void> {
  const name = enginePackage(machine);
  if (name !== undefined && confirm !== undefined && !isInstalled(machine)) {
    const where = `${machine.platform}-${machine.arch}`;
    const question = `The embedded DynamoDB for ${where} is not installed. Bring it now, by npm install --no-save ${name}?`;
    if (await confirm(question)) await install(name);
  }
  engineBinary(machine);
}

function isInstalled(machine: Machine): boolean {
  try {
    engineBinary(machine);
    return true;
  } catch {
    return false;
  }
}

/** By the npm that runs us, if one does. What it says goes to standard error: standard output may be read by a program. */
async function installByNpm(name: string): Promise<void> {
  const { npm_execpath: npm = '' } = process.env;
  const options: SpawnOptions = { cwd: new URL('..', import.meta.url), stdio: ['ignore', 2, 2] };
  const child = npm.endsWith('npm-cli.js')
    ? spawn(process.execPath, [npm, ...installArguments(name)], options)
    : spawn('npm', installArguments(name), { ...options, shell: process.platform === 'win32' });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`npm could not bring ${name} (exit code ${code}). It says above why.`);
}
