/**
 * AWS as the functions see it, on 127.0.0.1 and over https: that is what production does, and it changes the order of
 * the results. The table is the embedded engine; the queue and the secret are answered here, always the same.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import * as z from 'zod';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

const sentSchema = z.object({
  MessageBody: z.string().exactOptional(),
  Entries: z.array(z.object({ Id: z.string(), MessageBody: z.string() })).exactOptional(),
});

/** What SQS says to either way of sending. The clients check the digest. */
function queueAnswer(body: Buffer): object {
  const { MessageBody, Entries = [] } = sentSchema.parse(JSON.parse(body.toString()));
  if (MessageBody !== undefined) return { MessageId: 'm-1', MD5OfMessageBody: md5(MessageBody) };
  const Successful = Entries.map((entry) => ({
    Id: entry.Id,
    MessageId: 'm-1',
    MD5OfMessageBody: md5(entry.MessageBody),
  }));
  return { Successful, Failed: [] };
}

/**
 * @param folder for the certificate, which openssl makes.
 * @param dynamodbEndpoint of the engine.
 * @returns the environment with which the AWS SDK finds all of it.
 */
export async function startAws(
  folder: string,
  { dynamodbEndpoint, secret }: { dynamodbEndpoint: string; secret: string },
) {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
      ],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  );
  const engine = new URL(dynamodbEndpoint);
  const agent = new Agent({ keepAlive: true });
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  const answerAs: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const target = String(request.headers['x-amz-target']);
    if (target.startsWith('DynamoDB')) {
      const { headers, method } = request;
      const passed = httpRequest(
        {
          host: engine.hostname,
          port: engine.port,
          method,
          headers: { ...headers, host: engine.host },
          agent,
        },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      passed.end(body);
      return;
    }
    const answer = target.startsWith('secretsmanager')
      ? { Name: 'inbound', SecretString: JSON.stringify({ webhook: [secret] }) }
      : queueAnswer(body);
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    response.end(JSON.stringify(answer));
  };
  // A server for each service, as they have addresses of their own on AWS: no connection of one serves another.
  const servers = await Promise.all([1, 2, 3].map(() => listening(createServer(tls, answerAs))));
  const [dynamodb, sqs, secrets] = servers.map(({ endpoint }) => endpoint);
  return {
    environment: {
      NODE_EXTRA_CA_CERTS: cert,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
      AWS_ENDPOINT_URL_SQS: sqs,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets,
    },
    stop() {
      for (const { server } of servers) {
        server.close();
        server.closeAllConnections();
      }
      agent.destroy();
    },
  };
}

async function listening(server: Server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    server,
    endpoint: `https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
  };
}
