'use strict';

// Sends what the framework asks of AWS to an emulator.
module.exports = class Moto {
  constructor(serverless) {
    serverless.getProvider('aws').sdk.config.update({ endpoint: process.env.AWS_ENDPOINT_URL, s3ForcePathStyle: true });
    // The emulator judges a template by today's runtimes.
    delete serverless.pluginManager.hooks['aws:deploy:deploy:validateTemplate'];
    // The framework looks at the stack every 5 s; the emulator is ready at once.
    for (const plugin of serverless.pluginManager.plugins.filter((p) => p.monitorStack)) {
      const { monitorStack } = plugin;
      plugin.monitorStack = (action, stack) => monitorStack.call(plugin, action, stack, 50);
    }
    this.hooks = { 'before:package:finalize': () => adapt(serverless.service.provider.compiledCloudFormationTemplate) };
  }
};

// adapt changes what the emulator cannot do: it answers a reference to a version with the reference's name instead of an ARN, and it
// does not take a policy from a user before it deletes the user.
function adapt({ Resources, Outputs }) {
  for (const output of Object.values(Outputs)) {
    const resource = Resources[output.Value.Ref];
    if (resource?.Type === 'AWS::Lambda::Version') {
      output.Value = { 'Fn::Join': [':', [{ 'Fn::GetAtt': [resource.Properties.FunctionName.Ref, 'Arn'] }, '1']] };
    }
  }
  delete Resources.EventGatewayUserPolicy?.Properties.Users;
}
