// api-facade in the quickstart's style: express and axios, each step awaited, no validation.
import axios from 'axios';
import express from 'express';

const app = express();
app.use(express.json());

app.post('/followers', async (req, res) => {
  const { follower, followee } = req.body;
  console.log(`Publishing followerAdded: ${follower} follows ${followee}`);
  const url = `http://127.0.0.1:${process.env.DAPR_HTTP_PORT}/v1.0/publish/pubsub/followerAdded`;
  await axios.post(url, { follower, followee });
  res.status(202).json({ follower, followee });
});

app.listen(Number(process.env.APP_PORT), '127.0.0.1');
