// A server of the official TypeScript SDK on Express. It prints its port, and the name of each tool
// that runs. Arguments: the folder of the packages, and the address to listen on.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.argv[2] + '/package.json'));
const sdk = (name) => require('@modelcontextprotocol/sdk/' + name);
const express = require('express');
const { Server } = sdk('server/index.js');
const { StreamableHTTPServerTransport } = sdk('server/streamableHttp.js');
const types = sdk('types.js');

const text = (value) => ({ type: 'text', text: value });
const IMAGE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const image = { type: 'image', data: IMAGE, mimeType: 'image/png' };
const sound = { type: 'audio', data: 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=', mimeType: 'audio/wav' };
const embedded = (uri) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'embedded' } });

const wait = (time) => new Promise((done) => setTimeout(done, time));

async function log(context, data) {
  await context.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
  await wait(50);
}

async function progress(context, token, value) {
  await context.sendNotification({
    method: 'notifications/progress', params: { progressToken: token, progress: value, total: 100 },
  });
  await wait(50);
}

const TOOLS = {
  search: () => [text('found')],
  fetch: () => [text('ticket')],
  close: () => [text('closed')],
  test_simple_text: () => [text('This is a simple text response for testing.')],
  test_image_content: () => [image],
  test_audio_content: () => [sound],
  test_embedded_resource: () => [embedded('test://embedded-resource')],
  test_multiple_content_types: () => [text('Multiple content types test:'), image, embedded('test://mixed')],
  test_error_handling: () => { throw new Error('This tool intentionally returns an error for testing'); },
  test_tool_with_logging: async (context) => {
    for (const step of ['started', 'processing data', 'completed']) await log(context, 'Tool execution ' + step);
    return [text('logged')];
  },
  test_tool_with_progress: async (context, request) => {
    const token = request.params._meta?.progressToken ?? 0;
    for (const value of [0, 50, 100]) await progress(context, token, value);
    return [text('progressed')];
  },
  test_sampling: async (context, request) => {
    const asked = { messages: [{ role: 'user', content: text(request.params.arguments.prompt) }], maxTokens: 100 };
    const result = await context.sendRequest({ method: 'sampling/createMessage', params: asked }, types.CreateMessageResultSchema);
    return [text('LLM response: ' + result.content.text)];
  },
};

const PROMPTS = {
  test_simple_prompt: () => [text('This is a simple prompt for testing.')],
  test_prompt_with_arguments: (given) => [text(`Prompt with arguments: arg1='${given.arg1}', arg2='${given.arg2}'`)],
  test_prompt_with_embedded_resource: (given) => [embedded(given.resourceUri), text('Please process it.')],
  test_prompt_with_image: () => [image, text('Please analyze the image above.')],
};

function listedPrompt(name) {
  const named = { test_prompt_with_arguments: ['arg1', 'arg2'], test_prompt_with_embedded_resource: ['resourceUri'] };
  return { name, description: name, arguments: (named[name] ?? []).map((each) => ({ name: each, required: true })) };
}

function resource(uri) {
  const template = /^test:\/\/template\/(.*)\/data$/.exec(uri);
  if (template) return { uri, mimeType: 'application/json', text: JSON.stringify({ id: template[1], data: template[1] }) };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: IMAGE };
  return { uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' };
}

function server() {
  const capabilities = { tools: {}, prompts: {}, resources: { subscribe: true }, logging: {} };
  const made = new Server({ name: 'desk', version: '1' }, { capabilities });
  const answer = (schema, handler) => made.setRequestHandler(schema, handler);
  const tools = Object.keys(TOOLS).map((name) => ({ name, description: name, inputSchema: { type: 'object' } }));
  answer(types.ListToolsRequestSchema, () => ({ tools }));
  answer(types.CallToolRequestSchema, async (request, context) => {
    const { name } = request.params;
    console.log('ran ' + name);
    try {
      return { content: await TOOLS[name](context, request) };
    } catch (error) {
      return { content: [text(error.message)], isError: true };
    }
  });
  answer(types.ListPromptsRequestSchema, () => ({ prompts: Object.keys(PROMPTS).map(listedPrompt) }));
  answer(types.GetPromptRequestSchema, (request) => {
    const contents = PROMPTS[request.params.name](request.params.arguments ?? {});
    return { messages: contents.map((content) => ({ role: 'user', content })) };
  });
  const uris = ['test://static-text', 'test://static-binary'];
  answer(types.ListResourcesRequestSchema, () => ({ resources: uris.map((uri) => ({ uri, name: uri, description: uri })) }));
  answer(types.ReadResourceRequestSchema, (request) => ({ contents: [resource(request.params.uri)] }));
  answer(types.SubscribeRequestSchema, () => ({}));
  answer(types.UnsubscribeRequestSchema, () => ({}));
  return made;
}

const sessions = new Map();
const app = express();
app.use(express.json());
app.all(['/mcp', '/other'], async (request, response) => {
  let transport = sessions.get(request.headers['mcp-session-id']);
  if (!transport) {
    // Without a session, the server answers a single message: hostile messages then run too.
    const isFirst = types.isInitializeRequest(request.body);
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: isFirst ? randomUUID : undefined,
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    await server().connect(transport);
  }
  await transport.handleRequest(request, response, request.body);
});
const listening = app.listen(0, process.argv[3], () => console.log('port ' + listening.address().port));
